"""Sequences: joined, projected, attended to, and embedded step by step."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers import (
    BatchNormalization,
    JoinSteps,
    Lookup,
    PackedEmbedding,
    PadUnits,
    StepDense,
    Table,
    TargetAttention,
)

LENGTHS = [2, 0, 3]
RANDOM = np.random.default_rng(0)


def steps(width, lengths=LENGTHS, seed=0):
    values = np.random.default_rng(seed).normal(size=(sum(lengths), width)).astype("float32")
    return tf.RaggedTensor.from_row_lengths(values, lengths)


def rows_of(ragged):
    return [row.numpy() for row in ragged]


def test_a_dense_layer_sees_each_step_by_itself():
    layer, x = StepDense(3, use_bias=True), steps(2)
    y = layer(x)
    kernel, bias = (weight.numpy() for weight in layer.weights)
    assert y.row_lengths().numpy().tolist() == LENGTHS
    np.testing.assert_allclose(y.flat_values, x.flat_values @ kernel + bias, rtol=1e-5)


def test_sequences_are_joined_step_by_step_as_long_as_the_first():
    first, second = steps(2), steps(3, [3, 1, 1], seed=1)
    joined = rows_of(JoinSteps()([first, second]))
    assert [len(row) for row in joined] == LENGTHS
    for row, a, b in zip(joined, rows_of(first), rows_of(second), strict=True):
        padded = np.vstack([b, np.zeros((3, 3), "float32")])[: len(a)]
        np.testing.assert_array_equal(row, np.hstack([a, padded]))


def test_a_sequence_is_joined_to_one_without_any_steps():
    joined = JoinSteps()([steps(2), steps(1, [0, 0, 0])])
    np.testing.assert_array_equal(joined.flat_values[:, 2], np.zeros(5))


def test_units_are_padded_with_zeros():
    np.testing.assert_array_equal(PadUnits(3)(tf.ones([2, 1])), [[1, 0, 0], [1, 0, 0]])


SCORER = {"hidden_units": [4], "activation": "sigmoid", "use_bn": False}


def attention_by_hand(layer, target, sequence, others=()):
    """The formula, row by row."""
    w1, b1, w2, b2 = (weight.numpy() for weight in layer.weights)
    outputs = []
    for index, (q, h) in enumerate(zip(target, rows_of(sequence), strict=True)):
        values = np.hstack([h, *(rows_of(other)[index] for other in others)])
        q = np.tile(q, (len(h), 1))
        hidden = 1 / (1 + np.exp(-(np.hstack([q, h, q - h, q * h]) @ w1 + b1)))
        raised = np.exp(hidden @ w2 + b2)
        outputs.append((raised / raised.sum() * values).sum(axis=0))
    return np.array(outputs)


@pytest.mark.parametrize("others", [[], [steps(1, seed=4), steps(2, seed=5)]])
def test_attention_sums_the_steps_by_the_softmax_of_their_scores(others):
    layer, target = TargetAttention(SCORER), RANDOM.normal(size=(3, 2)).astype("float32")
    output = layer([tf.constant(target), steps(2), *others])
    expected = attention_by_hand(layer, target, steps(2), others)
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(output[1], np.zeros(output.shape[1]))  # It has no steps.


def test_one_step_has_all_the_attention():
    target, sequence = tf.ones([2, 2]), steps(2, [1, 1])
    output = TargetAttention(SCORER)([target, sequence])
    np.testing.assert_allclose(output, sequence.flat_values, rtol=1e-6)


def test_attention_does_not_mind_scores_that_are_large():
    layer, sequence = TargetAttention(SCORER), steps(2)
    inputs = [tf.ones([3, 2]), sequence]
    layer(inputs)
    layer.score.kernel.assign(tf.fill(layer.score.kernel.shape, 1e4))
    with tf.GradientTape() as tape:
        output = layer(inputs)
    assert np.isfinite(output).all()
    gradients = tape.gradient(output, layer.trainable_weights)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_a_batch_without_any_steps_leaves_the_moving_averages_alone():
    layer = TargetAttention({"hidden_units": [4]})
    nothing = steps(2, [0, 0])
    layer([tf.ones([2, 2]), steps(2, [1, 2])], training=True)
    before = [weight.numpy() for weight in layer.weights]
    with tf.GradientTape() as tape:
        output = layer([tf.ones([2, 2]), nothing], training=True)
    np.testing.assert_array_equal(output, np.zeros((2, 2)))
    for weight, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    gradients = tape.gradient(output, layer.trainable_weights)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_normalization_of_no_rows_is_none():
    normalization = BatchNormalization()
    assert normalization(tf.zeros([0, 3]), training=True).shape == (0, 3)
    np.testing.assert_array_equal(normalization.moving_variance, np.ones((1, 3)))


@pytest.fixture(scope="module")
def embedding():
    tables = [Table("items", 5, 3), Table("users", 4, 3)]
    lookups = [
        Lookup("seen", "items", steps=True),
        Lookup("baskets", "items", "mean", steps=True),
        Lookup("user", "users"),
        Lookup("tags", "items", "sum"),
    ]
    return PackedEmbedding(tables, lookups)


INPUTS = {
    "seen": tf.ragged.constant([[4, -1], [], [0]], dtype=tf.int64),
    "baskets": tf.ragged.constant([[[1, 2], []], [], [[3]]], dtype=tf.int64, ragged_rank=2),
    "user": tf.constant([3, -1, 0], tf.int64),
    "tags": tf.ragged.constant([[1], [], [2, 2]], dtype=tf.int64),
}


@pytest.mark.parametrize("training", [False, True])
def test_steps_are_embedded_one_by_one(embedding, training):
    embedded = embedding(INPUTS, training=training)
    items, users = np.split(embedding.weights[0].numpy(), [5])
    zero = np.zeros(3, "float32")
    np.testing.assert_allclose(embedded["seen"].flat_values, [items[4], zero, items[0]])
    expected = [(items[1] + items[2]) / 2, zero, items[3]]
    np.testing.assert_allclose(embedded["baskets"].flat_values, expected, rtol=1e-6)
    assert embedded["seen"].row_lengths().numpy().tolist() == [2, 0, 1]
    assert embedded["baskets"].row_lengths().numpy().tolist() == [2, 0, 1]
    np.testing.assert_allclose(embedded["user"], [users[3], zero, users[0]])
    np.testing.assert_allclose(embedded["tags"], [items[1], zero, 2 * items[2]], rtol=1e-6)


def test_the_gradient_of_steps_is_row_sparse(embedding):
    with tf.GradientTape() as tape:
        embedded = embedding(INPUTS, training=True)
        loss = tf.reduce_sum(embedded["seen"].flat_values) + tf.reduce_sum(embedded["user"])
    (gradient,) = tape.gradient(loss, embedding.weights)
    assert isinstance(gradient, tf.IndexedSlices)
    dense = tf.convert_to_tensor(gradient).numpy()
    expected = np.zeros((9, 3))
    expected[[4, 0, 5 + 3, 5 + 0]] = 1.0
    np.testing.assert_array_equal(dense, expected)


@pytest.mark.parametrize(
    "layer",
    [
        StepDense(3, True, name="a"),
        JoinSteps(name="b"),
        PadUnits(3, name="c"),
        TargetAttention({"hidden_units": [4]}, 0.1, name="d"),
    ],
)
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
