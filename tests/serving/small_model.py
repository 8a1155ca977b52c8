"""A small model: every kind of feature, a binary, a multi-class and a regression task."""

import types

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.features import Columns
from tfmtl.models import build_network, build_tasks
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.gate.answers import check_answers
from tfmtl.serving.gate.version import Version
from tfmtl.serving.golden import record_answers, trial_rows

PIPELINE = """
data_config {
  input_fields { input_name: "user" }
  input_fields { input_name: "city" default_val: "rome" }
  input_fields { input_name: "level" input_type: INT32 default_val: "3" }
  input_fields { input_name: "tags" }
  input_fields { input_name: "price" input_type: FLOAT default_val: "2.5" }
  input_fields { input_name: "vector" }
  input_fields { input_name: "unused" input_type: INT64 }
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "rating" input_type: INT32 }
  input_fields { input_name: "stay" input_type: FLOAT }
  input_fields { input_name: "weight" input_type: FLOAT default_val: "1" }
  label_fields: "click"
  label_fields: "rating"
  label_fields: "stay"
  sample_weight: "weight"
}
feature_configs { input_names: "user" hash_bucket_size: 11 embedding_dim: 3 }
feature_configs { input_names: "city" vocab_file: "%s" embedding_dim: 3 }
feature_configs { input_names: "level" num_buckets: 7 embedding_dim: 2 }
feature_configs {
  input_names: "tags" feature_type: TagFeature hash_bucket_size: 13 embedding_dim: 3
}
feature_configs { input_names: "price" feature_type: RawFeature min_val: 0 max_val: 10 }
feature_configs { input_names: "vector" feature_type: RawFeature raw_input_dim: 2 }
model_config {
  feature_groups {
    group_name: "all"
    feature_names: "user"
    feature_names: "city"
    feature_names: "level"
    feature_names: "tags"
    feature_names: "price"
    feature_names: "vector"
  }
  mmoe {
    num_expert: 2
    expert_dnn { hidden_units: [5, 4] }
    task_towers { tower_name: "ctr" dnn { hidden_units: [3] } }
    task_towers { tower_name: "rating" num_class: 3 }
    task_towers { tower_name: "stay" loss_type: L2_LOSS }
  }
}
"""

ROWS = {
    "user": [b"u1", b"u2", b"", b"u1"],
    "city": [b"rome", b"oslo", b"nowhere", b""],
    "level": [0, 6, 99, -1],
    "tags": [b"a|b", b"", b"c", b"a|a|z"],
    "price": [0.0, 2.5, 10.0, 7.25],
    "vector": [b"0.5|1", b"3|4", b"", b"1"],
}

_DTYPES = {"level": np.int32, "price": np.float32}


def raw_rows():
    """Raw columns as a reader gives them."""
    return {name: np.array(values, _DTYPES.get(name, object)) for name, values in ROWS.items()}


def changed(pipeline, text):
    """A copy of a pipeline with some more in it."""
    copy = Pipeline()
    copy.CopyFrom(pipeline)
    return text_format.Merge(text, copy)


def build_model(pipeline):
    columns = Columns.from_pipeline(pipeline)
    network = build_network(pipeline, columns)
    random = np.random.default_rng(5)
    network.set_weights(
        [random.uniform(0.1, 1.0, size=weight.shape) for weight in network.get_weights()]
    )
    return types.SimpleNamespace(columns=columns, network=network, tasks=build_tasks(pipeline))


def check_against(folder, servable, rows):
    """Holds a version to the answers of another model than the one that is recorded in it."""
    records = record_answers(servable, trial_rows(servable, rows))
    version = Version(folder)
    version.golden = records
    check_answers(version)


def answers(model, rows):
    """What the model itself answers."""
    raw = {name: tf.constant(column) for name, column in rows.items()}
    logits = model.network(model.columns.encode(raw), training=False)
    served = {}
    for task in model.tasks:
        served.update(task.predictions(logits[task.name]))
    return {name: value.numpy() for name, value in served.items()}
