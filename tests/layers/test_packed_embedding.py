"""A packed lookup answers as one table at a time would."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfmtl.layers import Lookup, PackedEmbedding, Table
from tfmtl.layers.segments import segments_of

TABLES = [Table("user", 7, 3), Table("tag", 11, 3), Table("city", 5, 2)]
LOOKUPS = [
    Lookup("user", "user"),
    Lookup("friend", "user"),
    Lookup("city", "city"),
    Lookup("tags", "tag", "mean"),
    Lookup("likes", "tag", "sum", weighted=True),
    Lookup("roots", "tag", "sqrtn"),
]
BAGS = {
    "tags": [[1, 10, 1], [], [4], [0, 2]],
    "likes": [[], [3, 3], [10], [5]],
    "roots": [[9], [8, 7], [], [1, 1]],
}
WEIGHTS = [[], [0.5, 2.0], [-1.0], [3.0]]


@pytest.fixture(scope="module")
def inputs():
    bags = {name: tf.ragged.constant(rows, dtype=tf.int64) for name, rows in BAGS.items()}
    singles = {"user": [0, 6, -1, 2], "friend": [6, 6, 1, -1], "city": [4, -1, 0, 3]}
    return {
        **{name: tf.constant(ids, tf.int64) for name, ids in singles.items()},
        **bags,
        "likes/weights": tf.ragged.constant(WEIGHTS, dtype=tf.float32),
    }


@pytest.fixture(scope="module")
def layer(inputs):
    layer = PackedEmbedding(TABLES, LOOKUPS, name="embeddings")
    layer(inputs)
    for variable in layer.embedding_variables:
        variable.assign(np.random.default_rng(3).normal(size=variable.shape))
    return layer


def expected_by_hand(layer, inputs):
    narrow, wide = (variable.numpy() for variable in layer.embedding_variables)
    tables = {"city": narrow, "user": wide[:7], "tag": wide[7:]}

    def single(name, table):
        ids = inputs[name].numpy()
        return np.where(ids[:, None] >= 0, tables[table][ids], 0.0)

    def combined(ids, weights, norm):
        weights = np.array(weights)
        return tables["tag"][ids].T @ weights / norm(weights) if len(ids) else np.zeros(3)

    def bag(name, weights, norm):
        return np.stack([combined(*row, norm) for row in zip(BAGS[name], weights, strict=True)])

    ones = {name: [[1.0] * len(ids) for ids in rows] for name, rows in BAGS.items()}
    return {
        "user": single("user", "user"),
        "friend": single("friend", "user"),
        "city": single("city", "city"),
        "tags": bag("tags", ones["tags"], np.sum),
        "likes": bag("likes", WEIGHTS, lambda w: 1.0),
        "roots": bag("roots", ones["roots"], lambda w: np.sqrt(np.sum(w**2))),
    }


@pytest.mark.parametrize("training", [False, True])
def test_each_feature_gets_its_rows_combined(layer, inputs, training):
    outputs = layer(inputs, training=training)
    expected = expected_by_hand(layer, inputs)
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-6, err_msg=name)


def test_unweighted_bags_alone_are_summed(inputs):
    layer = PackedEmbedding(TABLES[1:2], [Lookup("tags", "tag", "sum")])
    outputs = layer({"tags": inputs["tags"]}, training=True)
    table = layer.embedding_variables[0].numpy()
    np.testing.assert_allclose(
        outputs["tags"], [table[ids].sum(0) for ids in BAGS["tags"]], atol=1e-6
    )


def gradients(layer, inputs, training):
    with tf.GradientTape() as tape:
        outputs = layer(inputs, training=training)
        loss = tf.add_n(
            [tf.reduce_sum(value * (index + 1.0)) for index, value in enumerate(outputs.values())]
        )
    return tape.gradient(loss, layer.embedding_variables)


def test_training_gradient_is_sparse_without_duplicates_and_equals_the_plain_one(layer, inputs):
    for packed, plain in zip(
        gradients(layer, inputs, True), gradients(layer, inputs, False), strict=True
    ):
        assert isinstance(packed, tf.IndexedSlices)
        assert len(set(packed.indices.numpy())) == len(packed.indices)
        np.testing.assert_allclose(
            tf.convert_to_tensor(packed), tf.convert_to_tensor(plain), atol=1e-5
        )


def test_an_empty_batch_gives_no_rows(layer):
    empty = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int64), tf.zeros([0], tf.int64))
    inputs = {name: tf.zeros([0], tf.int64) for name in ("user", "friend", "city")}
    inputs |= {name: empty for name in BAGS} | {"likes/weights": tf.cast(empty, tf.float32)}
    assert {tuple(value.shape) for value in layer(inputs).values()} == {(0, 3), (0, 2)}


def test_segments_count_over_empty_bags():
    lengths = [0, 2, 0, 0, 3, 1, 0]
    expected = np.repeat(np.arange(len(lengths)), lengths)
    np.testing.assert_array_equal(
        segments_of(tf.constant(lengths), tf.constant(sum(lengths))), expected
    )


def test_each_table_starts_from_its_own_initializer():
    tables = [Table("a", 2, 3, keras.initializers.Constant(1.5)), Table("b", 400, 3)]
    layer = PackedEmbedding(tables, [Lookup("a", "a"), Lookup("b", "b")])
    layer({"a": tf.constant([0], tf.int64), "b": tf.constant([0], tf.int64)})
    values = layer.embedding_variables[0].numpy()
    np.testing.assert_array_equal(values[:2], np.full((2, 3), 1.5))
    # A normal truncated at two deviations keeps 0.88 of its deviation.
    np.testing.assert_allclose(values[2:].std(), 0.88 * 0.01 / np.sqrt(3), rtol=0.1)


def test_a_lookup_of_an_unknown_table_is_refused():
    with pytest.raises(
        ValueError, match=r"should read one of the tables \['user'\]. Received: \['usr'\]"
    ):
        PackedEmbedding([Table("user", 2, 3)], [Lookup("user", "usr")])


def test_config_round_trip():
    tables = [Table("a", 2, 3, keras.initializers.Constant(0.5))]
    layer = PackedEmbedding(tables, [Lookup("a", "a")], name="embeddings")
    twin = PackedEmbedding.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()


def test_the_penalty_is_the_halved_sum_of_squares_of_what_a_batch_looks_up(layer, inputs):
    config = {**layer.get_config(), "regularization": 0.1}
    penalized = PackedEmbedding.from_config(config)
    penalized(inputs)
    penalized.set_weights(layer.get_weights())
    assert penalized.losses == []
    outputs = penalized(inputs, training=True)
    expected = 0.1 * sum(np.sum(each.numpy() ** 2) for each in outputs.values()) / 2
    np.testing.assert_allclose(penalized.losses, [expected], rtol=1e-5)


def test_sequences_are_penalized_by_their_steps():
    table = [Table("item", 5, 3)]
    layer = PackedEmbedding(table, [Lookup("clicks", "item", steps=True)], regularization=0.3)
    steps = layer({"clicks": tf.ragged.constant([[0, 4, 4], [], [-1, 2]], dtype=tf.int64)}, True)
    assert steps.keys() == {"clicks"}
    expected = 0.3 * np.sum(steps["clicks"].flat_values.numpy() ** 2) / 2
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)
