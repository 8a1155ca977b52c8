"""Features are embedded once and put together group by group."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.features import Columns, build_groups, build_inputs
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
    input_names: "tags" feature_type: TagFeature num_buckets: 5 embedding_dim: 2 combiner: "mean"
  }
  features { input_names: "price" feature_type: RawFeature }
  features {
    feature_name: "size" input_names: "price" feature_type: RawFeature boundaries: [1, 2]
    embedding_dim: 2
  }
  features {
    input_names: "vector" feature_type: RawFeature raw_input_dim: 3 embedding_dim: 4
    initializer { random_normal_initializer {} }
  }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["price", "tags", "user", "vector", "size"] }
  feature_groups { group_name: "user" feature_names: ["user", "friend"] }
}
"""
ROWS = {
    "user": [6, 1, -1],
    "friend": [1, 9, 6],
    "tags": ["4|1|4", "", "0"],
    "price": np.array([0.5, 1.0, 7.0], np.float32),
    "vector": ["1|2|3", "", "-1"],
}


def vectors(groups):
    return {name: group.vector for name, group in groups.items()}


@pytest.fixture
def pipeline():
    return text_format.Parse(CONFIG, Pipeline())


@pytest.fixture
def network(pipeline):
    """A model of the groups, twice: with and without a suffix."""
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    groups = {
        f"{name}{suffix}": group.vector
        for suffix in ("", "_cvr")
        for name, group in build_groups(pipeline, columns, inputs, suffix).items()
    }
    return columns, keras.Model(inputs, groups)


def answer(network, training=False):
    columns, model = network
    raw = {name: tf.constant(values) for name, values in ROWS.items()}
    return model(columns.encode(raw), training=training)


def variables(model, suffix=""):
    """The tables of people, tags and sizes, and the projection of the vector."""
    narrow, wide = model.get_layer(f"embeddings{suffix}").embedding_variables
    projection = model.get_layer(f"vector/projection{suffix}").kernel
    return wide.numpy(), narrow.numpy()[:5], narrow.numpy()[5:], projection.numpy()


def test_a_group_is_its_features_in_the_order_it_lists_them(network):
    person, tag, size, projection = variables(network[1])
    zeros = np.zeros(3, np.float32)
    outputs = answer(network)
    expected = np.concatenate(
        [
            ROWS["price"][:, None],
            [(2 * tag[4] + tag[1]) / 3, zeros[:2], tag[0]],
            [person[6], person[1], zeros],
            np.array([[1, 2, 3], [0, 0, 0], [-1, 0, 0]]) @ projection,
            size[[0, 1, 2]],
        ],
        axis=1,
    )
    np.testing.assert_allclose(outputs["all"], expected, rtol=1e-5, atol=1e-7)
    friends = np.concatenate(
        [[person[6], person[1], zeros], [person[1], person[0], person[6]]], axis=1
    )
    np.testing.assert_allclose(outputs["user"], friends)
    assert {name: group.shape[1] for name, group in outputs.items()} == {
        "all": 12,
        "user": 6,
        "all_cvr": 12,
        "user_cvr": 6,
    }


def test_layers_carry_the_names_of_the_config(network):
    names = [layer.name for layer in network[1].layers]
    for suffix in ("", "_cvr"):
        expected = [
            f"{name}{suffix}"
            for name in ("embeddings", "vector/projection", "group/all", "group/user")
        ]
        assert set(expected) <= set(names)
    assert {"input/user", "input/tags", "input/vector"} <= set(names)


def test_a_suffix_is_another_set_of_tables(network):
    _, model = network
    for mine, other in zip(variables(model), variables(model, "_cvr"), strict=True):
        assert mine.shape == other.shape
        assert np.abs(mine - other).max() > 0


def test_one_set_of_tables_serves_all_groups(network):
    # People, tags, sizes and the projection, each once in both sets.
    assert network[1].count_params() == 2 * (7 * 3 + 5 * 2 + 3 * 2 + 3 * 4)


def test_features_that_share_a_table_both_reach_it(network):
    _, model = network
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(answer(network, training=True)["user"])
    storage = model.get_layer("embeddings").embedding_variables[1]
    gradient = tf.convert_to_tensor(tape.gradient(loss, storage)).numpy()
    # Row 6 is a user and a friend; row 0 a friend out of range; row 1 a user and a friend.
    np.testing.assert_allclose(gradient[:, 0], [1, 2, 0, 0, 0, 0, 2])


def test_the_penalty_is_on_embeddings_and_projections_but_not_on_numbers(pipeline):
    pipeline.model_config.embedding_regularization = 0.1
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    model = keras.Model(inputs, vectors(build_groups(pipeline, columns, inputs)))
    outputs = answer((columns, model), training=True)
    looked_up = tf.concat([outputs["all"][:, 1:], outputs["user"][:, 3:]], axis=1)
    np.testing.assert_allclose(model.losses, [0.1 * np.sum(looked_up.numpy() ** 2) / 2], rtol=1e-5)
    answer((columns, model), training=False)
    assert model.losses == []


def test_a_feature_a_group_and_a_task_may_have_one_name(network):
    columns, model = network
    assert "user" in columns.features and model.get_layer("group/user").output.shape == (None, 6)


def test_dropout_of_a_group_works_in_training_alone(pipeline):
    pipeline.model_config.feature_groups[1].dropout_ratio = 0.9
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    model = keras.Model(inputs, vectors(build_groups(pipeline, columns, inputs)))
    kept, dropped = (
        np.count_nonzero(answer((columns, model), training=training)["user"])
        for training in (False, True)
    )
    assert dropped < kept


def test_a_group_of_numbers_alone_has_no_tables(pipeline):
    del pipeline.model_config.feature_groups[:]
    pipeline.model_config.feature_groups.add(group_name="all", feature_names=["price"])
    pipeline.model_config.embedding_regularization = 0.1
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    model = keras.Model(inputs, vectors(build_groups(pipeline, columns, inputs)))
    assert model.count_params() == 0
    np.testing.assert_array_equal(answer((columns, model))["all"][:, 0], ROWS["price"])


def test_a_group_that_names_an_unknown_feature_is_an_error(pipeline):
    pipeline.model_config.feature_groups[1].feature_names.append("who")
    columns = Columns.from_pipeline(pipeline)
    with pytest.raises(ConfigError) as error:
        build_groups(pipeline, columns, build_inputs(columns))
    assert str(error.value) == (
        "Feature group `user` should name features. Received: `who`, an unknown one."
    )
