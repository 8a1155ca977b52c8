"""The wide part is linear in the ids and the numbers of a group, over tables of its own."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.features import Columns, build_groups, build_inputs, build_wide
from tfmtl.protos.pipeline_pb2 import Pipeline

CONFIG = """
data_config {
  input_fields { input_name: "user" input_type: INT32 }
  input_fields { input_name: "friend" input_type: INT32 }
  input_fields { input_name: "tags" }
  input_fields { input_name: "price" input_type: FLOAT }
  input_fields { input_name: "vector" }
}
feature_config {
  features { input_names: "user" num_buckets: 7 embedding_dim: 3 embedding_name: "person" }
  features { input_names: "friend" num_buckets: 7 embedding_dim: 3 embedding_name: "person" }
  features {
    input_names: "tags" feature_type: TagFeature num_buckets: 5 embedding_dim: 4 combiner: "mean"
  }
  features { input_names: "price" feature_type: RawFeature }
  features {
    input_names: "vector" feature_type: RawFeature raw_input_dim: 3 embedding_dim: 4
  }
}
model_config {
  feature_groups {
    group_name: "all" feature_names: ["price", "tags", "user", "vector", "friend"]
  }
  feature_groups { group_name: "ids" feature_names: ["friend", "tags"] }
  feature_groups { group_name: "numbers" feature_names: "price" }
}
"""
PRICE = np.array([0.5, 1.0, 7.0], np.float32)
VECTOR = np.array([[1, 2, 3], [0, 0, 0], [-1, 0, 0]])
ROWS = {
    "user": [6, 1, -1],
    "friend": [1, 6, 6],
    "tags": ["4|1|4", "", "0"],
    "price": PRICE,
    "vector": ["1|2|3", "", "-1"],
}


@pytest.fixture
def pipeline():
    return text_format.Parse(CONFIG, Pipeline())


@pytest.fixture
def build(pipeline):
    """Makes a model of a group's wide part, with random weights."""

    def build(group="all", width=2, l2=0.0, random=True):
        columns = Columns.from_pipeline(pipeline)
        inputs = build_inputs(columns)
        output = build_wide(pipeline, columns, inputs, group, width, l2, name="w")
        model = keras.Model(inputs, output)
        if random:
            draw = np.random.default_rng(4).normal
            model.set_weights([draw(size=weight.shape) for weight in model.get_weights()])
        return columns, model

    return build


def answer(built, training=False):
    columns, model = built
    raw = {name: tf.constant(values) for name, values in ROWS.items()}
    return model(columns.encode(raw), training=training)


def test_it_is_the_sum_of_the_weights_of_ids_and_of_numbers(build):
    built = build()
    (storage,) = built[1].get_layer("w/embeddings").embedding_variables
    # In the group's order.
    tags, user, friend = np.split(storage.numpy(), [5, 5 + 7])
    kernel = built[1].get_layer("w/linear").kernel.numpy()
    nothing = np.zeros(2)
    by_id = [
        [user[6], user[1], nothing],
        [friend[1], friend[6], friend[6]],
        [(2 * tags[4] + tags[1]) / 3, nothing, tags[0]],
    ]
    by_number = np.hstack([PRICE[:, np.newaxis], VECTOR]) @ kernel
    np.testing.assert_allclose(answer(built), np.sum(by_id, axis=0) + by_number, rtol=1e-5)


@pytest.mark.parametrize(
    ("group", "size"),
    [("all", 2 * (5 + 7 + 7) + 2 * (1 + 3)), ("ids", 2 * (7 + 5)), ("numbers", 2)],
)
def test_each_id_has_weights_for_each_feature_that_it_is_of(build, group, size):
    built = build(group)
    assert built[1].count_params() == size
    assert answer(built).shape == (3, 2)


def test_ids_add_nothing_before_training(build):
    np.testing.assert_array_equal(answer(build("ids", random=False)), np.zeros((3, 2)))


def test_kernels_and_embeddings_have_penalties_of_their_own(build, pipeline):
    pipeline.model_config.embedding_regularization = 0.1
    built = build("all", width=1, l2=0.2)
    _, model = built
    answer(built, training=True)
    (storage,) = model.get_layer("w/embeddings").embedding_variables
    tags, user, friend = np.split(storage.numpy()[:, 0], [5, 5 + 7])
    looked_up = [user[6], user[1], friend[1], friend[6], friend[6], tags[0]]
    looked_up.append((2 * tags[4] + tags[1]) / 3)
    kernel = model.get_layer("w/linear").kernel.numpy()
    expected = [0.1 * np.sum(np.square(looked_up)) / 2, 0.2 * np.sum(np.square(kernel)) / 2]
    np.testing.assert_allclose(sorted(model.losses), sorted(expected), rtol=1e-5)


@pytest.mark.parametrize("group", ["ids", "numbers"])
def test_the_dropout_of_its_group_works_in_training_alone(build, pipeline, group):
    for each in pipeline.model_config.feature_groups:
        each.dropout_ratio = 1 - 1e-6
    built = build(group)
    assert np.any(answer(built))
    assert not np.any(answer(built, training=True))


def test_a_feature_that_only_wide_parts_read_has_no_embedding(pipeline):
    text = """
    simple_multi_task { task_towers {
      tower_name: "ctr" dnn { interactions { wide { group_name: "%s" } } }
    } }
    """
    pipeline.model_config.feature_groups[0].feature_names[:] = ["price", "tags"]
    pipeline.model_config.feature_groups[1].feature_names[:] = ["friend"]
    sizes = {}
    for group in ("all", "ids"):
        model_config = text_format.Parse(text % group, type(pipeline.model_config)())
        pipeline.model_config.simple_multi_task.CopyFrom(model_config.simple_multi_task)
        columns = Columns.from_pipeline(pipeline)
        inputs = build_inputs(columns)
        groups = build_groups(pipeline, columns, inputs)
        sizes[group] = keras.Model(inputs, [each.vector for each in groups.values()]).count_params()
        assert list(groups) == (["all", "ids", "numbers"] if group == "all" else ["all", "numbers"])
    assert sizes == {"all": 5 * 4 + 7 * 3, "ids": 5 * 4}
