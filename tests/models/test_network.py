"""Networks and tasks from a whole pipeline, found by the name of the architecture."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.features import Columns
from tfmtl.models import build_network, build_tasks
from tfmtl.protos import pipeline_pb2

DATA = """
data_config {
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "buy" input_type: INT32 }
  input_fields { input_name: "user" input_type: STRING }
  input_fields { input_name: "price" input_type: FLOAT }
  label_fields: "click" label_fields: "buy"
}
feature_config {
  features { input_names: "user" feature_type: IdFeature embedding_dim: 6 hash_bucket_size: 11 }
  features { input_names: "price" feature_type: RawFeature }
}
"""
GROUP = 'feature_groups { group_name: "all" feature_names: "user" feature_names: "price" }'
TOWERS = 'task_towers { tower_name: "ctr" } task_towers { tower_name: "cvr" num_class: 3 }'


def parse(model):
    text = f"{DATA} model_config {{ {GROUP} {model} }}"
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def test_a_network_turns_encoded_features_into_logits_by_task():
    pipeline = parse(f"simple_multi_task {{ {TOWERS} }}")
    columns = Columns.from_pipeline(pipeline)
    network = build_network(pipeline, columns)
    raw = {"user": tf.constant(["u", "v"]), "price": tf.constant([0.5, -3.0])}
    logits = network(columns.encode(raw))
    assert network.name == "simple_multi_task"
    assert {task: tuple(each.shape) for task, each in logits.items()} == {
        "ctr": (2, 1),
        "cvr": (2, 3),
    }


def test_tasks_come_in_the_order_of_their_towers_with_labels_in_that_of_the_fields():
    ctr, cvr = build_tasks(parse(f"simple_multi_task {{ {TOWERS} }}"))
    assert (ctr.name, ctr.units, ctr.target_columns) == ("ctr", 1, ["click"])
    assert (cvr.name, cvr.units, cvr.target_columns) == ("cvr", 3, ["buy"])


@pytest.mark.parametrize(("share", "tables"), [("true", 1), ("false", 2)])
def test_esmm_shares_its_tables_or_gives_each_tower_its_own(share, tables):
    esmm = 'ctr_tower { tower_name: "ctr" } cvr_tower { tower_name: "cvr" }'
    pipeline = parse(f"esmm {{ {esmm} share_embedding: {share} }}")
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    embeddings = [each for each in network.trainable_weights if each.shape == (11, 6)]
    assert len(embeddings) == tables
    raw = {"user": tf.constant(["u", "v"]), "price": tf.constant([0.5, -3.0])}
    with tf.GradientTape() as tape:
        logits = network(Columns.from_pipeline(pipeline).encode(raw))["ctr"]
    slopes = tape.gradient(logits, embeddings)
    # The click teaches the table it reads, and no other.
    assert [slope is not None for slope in slopes].count(True) == 1
    assert np.isfinite(logits).all()


def test_single_tasks_have_tables_of_their_own():
    pipeline = parse(f"single_task {{ {TOWERS} }}")
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    assert [each.shape for each in network.trainable_weights].count((11, 6)) == 2


def test_names_that_together_name_a_layer_twice_are_told():
    network = 'extraction_networks {{ network_name: "{}" share_num: 1 share_expert_net {{ {} }} }}'
    networks = [network.format(name, "hidden_units: 4") for name in ("a", "a_b")]
    towers = 'task_towers { tower_name: "b_c" } task_towers { tower_name: "c" }'
    pipeline = parse(f"ple {{ {' '.join(networks)} {towers} }}")
    with pytest.raises(ConfigError) as error:
        build_network(pipeline, Columns.from_pipeline(pipeline))
    assert str(error.value) == (
        "Names of towers, experts, bottoms and networks should not together name a layer twice. "
        "Received: `a_b_c_gate`. Rename one of them."
    )
