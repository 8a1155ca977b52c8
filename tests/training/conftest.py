"""A small pipeline on rows with a planted signal; and a model smaller yet, made by hand."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.errors import DataError
from tfmtl.layers import Lookup, PackedEmbedding, Table
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import BinaryHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training import MultiTaskModel

PIPELINE = """
train_config {
  optimizer_config { adam_optimizer { learning_rate {
    exponential_decay_learning_rate { initial_learning_rate: 0.02 decay_steps: 5 decay_factor: 0.9 }
  } } }
  num_steps: 12
  save_checkpoints_steps: 4
  save_summary_steps: 2
  log_step_count_steps: 3
}
data_config {
  batch_size: 16
  eval_batch_size: 37
  num_epochs: 3
  shuffle: true
  shuffle_buffer_size: 50
  label_fields: "click"
  label_fields: "buy"
  input_fields { input_name: "click" input_type: FLOAT }
  input_fields { input_name: "buy" input_type: FLOAT }
  input_fields { input_name: "user" }
  input_fields { input_name: "tags" }
  input_fields { input_name: "price" input_type: FLOAT }
}
feature_config {
  features { input_names: "user" feature_type: IdFeature embedding_dim: 4 hash_bucket_size: 30 }
  features { input_names: "tags" feature_type: TagFeature embedding_dim: 4 hash_bucket_size: 20 }
  features { input_names: "price" feature_type: RawFeature }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["user", "tags", "price"] wide_deep: DEEP }
  shared_bottom {
    bottom_dnn { hidden_units: 6 dropout_ratio: 0.2 }
    task_towers {
      tower_name: "ctr" label_name: "click"
      metrics_set { auc {} } metrics_set { mean_label {} }
    }
    task_towers {
      tower_name: "cvr" label_name: "buy"
      metrics_set { auc {} } metrics_set { logloss {} }
    }
    l2_regularization: 1e-4
  }
  embedding_regularization: 1e-5
}
export_config { best_exporter_metric: "auc_ctr" }
"""


def make_rows(count, seed):
    """Rows whose clicks depend on price and user; a purchase is known where there was a click."""
    generator = np.random.default_rng(seed)
    user = generator.integers(0, 20, count)
    price = generator.normal(size=count).astype("float32")
    click = generator.random(count) < 1 / (1 + np.exp(-(2 * price + (user % 3) - 1)))
    buy = np.where(click, generator.random(count) < 0.4, np.nan)
    tags = ["|".join(f"t{t}" for t in generator.integers(0, 9, n)) for n in user % 4]
    return pd.DataFrame(
        {
            "click": click.astype("float32"),
            "buy": buy,
            "user": [f"u{u}" for u in user],
            "tags": tags,
            "price": price,
        }
    )


def make_pipeline(directory):
    message = text_format.Parse(PIPELINE, pipeline_pb2.Pipeline())
    message.model_dir = str(directory / "model")
    return message


@pytest.fixture
def pipeline(tmp_path):
    return make_pipeline(tmp_path)


@tf.autograph.experimental.do_not_convert  # As `build_network` is.
def make_network(dropout=0.0, units=3):
    """Logits of two tasks: x and an embedding, through one dense layer of `units`; always equal."""
    keras.utils.set_random_seed(0)
    inputs = {
        "id": keras.Input([], dtype="int64", name="id"),
        "x": keras.Input([2], name="x"),
    }
    tables, lookups = [Table("id", rows=7, dim=4)], [Lookup("id", "id")]
    embedded = PackedEmbedding(tables, lookups, name="embeddings")({"id": inputs["id"]})["id"]
    hidden = keras.layers.Concatenate()([embedded, inputs["x"]])
    regularizer = keras.regularizers.L2(0.01)
    hidden = keras.layers.Dense(units, "tanh", kernel_regularizer=regularizer, name="bottom")(
        hidden
    )
    hidden = keras.layers.Dropout(dropout, name="dropout")(hidden)
    logits = {task: keras.layers.Dense(1, name=task)(hidden) for task in ("ctr", "cvr")}
    return keras.Model(inputs, logits)


def make_tasks():
    """`ctr` learns `click`; `cvr`, of weight 2, learns `buy`, which is not always known."""
    return [
        Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click"))),
        Task("cvr", BinaryHead(), SampleSpace(ColumnLabel("buy")), weight=2.0),
    ]


def make_model(**how):
    return MultiTaskModel(make_network(**how), make_tasks())


def make_batch(rows=5, seed=0):
    """Encoded features and targets; the purchase of the first row is not known."""
    generator = np.random.default_rng(seed)
    encoded = {
        "id": tf.constant(generator.integers(0, 7, rows)),
        "x": tf.constant(generator.normal(size=(rows, 2)).astype("float32")),
    }
    click, buy = generator.integers(0, 2, (2, rows)).astype("float32")
    buy[0] = np.nan
    return encoded, {"click": tf.constant(click), "buy": tf.constant(buy)}


class FakeBatches:
    """Batches that are there already; stands for `Batches` and its source."""

    def __init__(self, batches, batch_size=5):
        self.batches, self.batch_size, self.source = batches, batch_size, self

    def dataset(self, **how):
        spec = tf.nest.map_structure(
            lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), make_batch()
        )
        return tf.data.Dataset.from_generator(lambda: iter(self.batches), output_signature=spec)

    def read(self, dataset):
        return iter(dataset)

    def no_rows_error(self):
        return DataError("No rows.")

    def tell_skipped(self):
        pass  # There are none.
