"""Row-sparse updates: looked-up rows as in dense Keras math, all others untouched, slots too."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.protos import optimizer_pb2, train_pb2
from tfmtl.training.lazy_adam import LazyAdam
from tfmtl.training.optimizers import build_optimizer, build_optimizers
from tfmtl.training.row_sparse import is_unique, merge_duplicates

ROWS, DIM = 11, 3
LOOKED_UP = [7, 2, 7, 5, 2, 7]  # Rows 2 and 7 more than once.
DISTINCT = [2, 5, 7]
IDLE = [0, 1, 3, 4, 6, 8, 9, 10]
RATE = "learning_rate { manual_step_learning_rate { schedule { step: 2 learning_rate: 0.05 } } }"

legacy = keras.optimizers.legacy


def rate_at(step):
    return 0.002 if step < 2 else 0.05


def build(text):
    message = text_format.Parse(text.replace("RATE", RATE), optimizer_pb2.Optimizer())
    return build_optimizer(message, "optimizer_config")


def build_all(text):
    return build_optimizers(text_format.Parse(text.replace("RATE", RATE), train_pb2.TrainConfig()))


def gradients(steps=4):
    generator = np.random.default_rng(5)
    return [generator.normal(size=(len(LOOKED_UP), DIM)).astype("float32") for _ in range(steps)]


def merged(gradient):
    return np.stack([gradient[np.array(LOOKED_UP) == row].sum(axis=0) for row in DISTINCT])


def table():
    return np.random.default_rng(3).normal(size=(ROWS, DIM)).astype("float32")


def train_sparse(optimizer):
    """Trains a table on its looked-up rows; returns it and its slots."""
    variable = tf.Variable(table())

    @tf.function
    def step(gradient):
        slices = tf.IndexedSlices(gradient, tf.constant(LOOKED_UP), tf.constant([ROWS, DIM]))
        optimizer.apply_gradients([(slices, variable)])

    before = None
    for gradient in gradients():
        step(tf.constant(gradient))
        if before is None:
            before = slots(optimizer, variable)
    return variable.numpy(), slots(optimizer, variable), before


def train_dense(optimizer):
    """Trains only the looked-up rows, as a dense weight."""
    variable = tf.Variable(table()[DISTINCT])
    for gradient in gradients():
        optimizer.apply_gradients([(tf.constant(merged(gradient)), variable)])
    return variable.numpy()


def slots(optimizer, variable):
    return {n: optimizer.get_slot(variable, n).numpy() for n in optimizer.get_slot_names()}


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return tf.where(step < 2, 0.002, 0.05)


KINDS = {
    "adam_optimizer { RATE beta1: 0.8 }": lambda: legacy.Adam(Rate(), beta_1=0.8, epsilon=1e-8),
    "lazy_adam_optimizer { RATE }": lambda: legacy.Adam(Rate(), epsilon=1e-8),
    "adagrad_optimizer { RATE }": lambda: legacy.Adagrad(Rate()),
    "sgd_optimizer { RATE }": lambda: legacy.SGD(Rate()),
    "momentum_optimizer { RATE }": lambda: legacy.SGD(Rate(), momentum=0.9),
    "ftrl_optimizer { RATE l1_reg: 0.01 }": lambda: legacy.Ftrl(
        Rate(), l1_regularization_strength=0.01
    ),
    "ftrl_optimizer { RATE l2_shrinkage_reg: 0.1 }": lambda: legacy.Ftrl(
        Rate(), l2_shrinkage_regularization_strength=0.1
    ),
}
ALL = [
    *KINDS,
    "adamw_optimizer { RATE weight_decay: 0.1 }",
    "momentumw_optimizer { RATE weight_decay: 0.1 }",
    "rms_prop_optimizer { RATE }",
]


@pytest.mark.parametrize("text", KINDS)
def test_looked_up_rows_are_updated_as_a_dense_weight_of_those_rows(text):
    actual, _, _ = train_sparse(build(text))
    np.testing.assert_allclose(actual[DISTINCT], train_dense(KINDS[text]()), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("text", [*ALL, "rms_prop_optimizer { RATE momentum_optimizer_value: 0 }"])
def test_idle_rows_keep_their_bits_and_so_do_their_moments(text):
    optimizer = build(text)
    actual, after, before = train_sparse(optimizer)
    np.testing.assert_array_equal(actual[IDLE], table()[IDLE])
    fresh = {"accumulator": np.float32(0.1), "rms": np.float32(1.0)}
    for name in after:
        np.testing.assert_array_equal(after[name][IDLE], fresh.get(name, 0.0))
        assert (after[name][DISTINCT] != before[name][DISTINCT]).any()


@pytest.mark.parametrize("text", ALL)
def test_rows_and_dense_weights_follow_the_same_formula(text):
    actual, _, _ = train_sparse(build(text))
    expected = train_dense(build(text))
    np.testing.assert_allclose(actual[DISTINCT], expected, rtol=2e-5, atol=1e-6)


def test_adamw_decays_weights_by_a_share_and_then_steps_as_adam():
    actual = train_dense(build("adamw_optimizer { RATE weight_decay: 0.1 }"))
    weight = table()[DISTINCT].astype("float64")
    m, v = np.zeros_like(weight), np.zeros_like(weight)
    for step, gradient in enumerate(gradients()):
        g = merged(gradient)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
        weight -= 0.1 * weight  # Not multiplied by the learning rate.
        weight -= rate_at(step) * m_hat / np.sqrt(v_hat)
    np.testing.assert_allclose(actual, weight, rtol=1e-4, atol=1e-6)


def test_momentumw_decays_weights_by_a_share_and_then_steps_with_momentum():
    actual = train_dense(
        build("momentumw_optimizer { RATE weight_decay: 0.1 momentum_optimizer_value: 0.7 }")
    )
    weight = table()[DISTINCT].astype("float64")
    momentum = np.zeros_like(weight)
    for step, gradient in enumerate(gradients()):
        momentum = 0.7 * momentum - rate_at(step) * merged(gradient)
        weight += momentum - 0.1 * weight  # Not multiplied by the learning rate.
    np.testing.assert_allclose(actual, weight, rtol=1e-4, atol=1e-6)


def test_rmsprop_starts_its_mean_of_squares_at_one_with_epsilon_under_the_root():
    actual = train_dense(build("rms_prop_optimizer { RATE epsilon: 0.3 }"))
    weight = table()[DISTINCT].astype("float64")
    squares, momentum = np.ones_like(weight), np.zeros_like(weight)
    for step, gradient in enumerate(gradients()):
        g = merged(gradient)
        squares = 0.9 * squares + 0.1 * g**2
        momentum = 0.9 * momentum + rate_at(step) * g / np.sqrt(squares + 0.3)
        weight -= momentum
    np.testing.assert_allclose(actual, weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "text", ["adam_optimizer { RATE }", "adamw_optimizer { RATE }", "momentum_optimizer { RATE }"]
)
def test_with_update_idle_rows_a_table_is_updated_as_one_dense_weight(text):
    actual, _, _ = train_sparse(build(text + " update_idle_rows: true"))
    variable, optimizer = tf.Variable(table()), build(text)
    for gradient in gradients():
        dense = np.zeros((ROWS, DIM), "float32")
        np.add.at(dense, LOOKED_UP, gradient)
        optimizer.apply_gradients([(tf.constant(dense), variable)])
    np.testing.assert_allclose(actual, variable.numpy(), rtol=2e-5, atol=1e-6)


def test_with_update_idle_rows_a_row_moves_on_by_its_moments():
    optimizer = build("adam_optimizer { RATE } update_idle_rows: true")
    variable = tf.Variable(table())
    for row in (4, 9):
        slices = tf.IndexedSlices(tf.ones([1, DIM]), tf.constant([row]))
        before = variable.numpy()
        optimizer.apply_gradients([(slices, variable)])
    assert (variable.numpy()[4] != before[4]).all()


def test_duplicates_are_merged_into_their_sum():
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([3, 8, 3]))
    actual = merge_duplicates(slices)
    np.testing.assert_array_equal(actual.indices, [3, 8])
    np.testing.assert_array_equal(actual.values, [[5.0], [2.0]])


def test_a_dense_gradient_and_none_are_left_alone():
    gradient = tf.ones([2])
    assert merge_duplicates(gradient) is gradient
    assert merge_duplicates(None) is None


def gradient_of_lookup(lookup, unique_expected):
    """Traces a lookup's gradient; tells whether its rows are seen to be unique, and gives it."""
    variable = tf.Variable(table())
    seen = []

    @tf.function
    def gradient(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(lookup(variable, ids) ** 2)
        slices = tape.gradient(loss, variable)
        seen.append(is_unique(slices.indices))
        return merge_duplicates(slices)

    slices = gradient(tf.constant(LOOKED_UP))
    assert seen == [unique_expected]
    return slices


def unique_lookup(variable, ids):
    rows, positions = tf.unique(ids)
    return tf.gather(tf.gather(variable, rows), positions)


def test_rows_that_were_gathered_once_are_seen_to_be_unique():
    gradient_of_lookup(unique_lookup, True)


def test_rows_gathered_with_duplicates_are_merged():
    slices = gradient_of_lookup(lambda variable, ids: tf.gather(variable, ids), False)
    assert sorted(slices.indices.numpy()) == DISTINCT


def test_two_lookups_of_one_table_are_merged_although_each_is_unique():
    def twice(variable, ids):
        return tf.concat([unique_lookup(variable, ids), unique_lookup(variable, ids[:4])], 0)

    slices = gradient_of_lookup(twice, False)
    assert sorted(slices.indices.numpy()) == DISTINCT


def test_the_positions_of_unique_are_not_taken_for_its_values():
    gradient_of_lookup(lambda variable, ids: tf.gather(variable, tf.unique(ids)[1]), False)


def test_one_or_two_optimizers_are_built():
    text = "optimizer_config { sgd_optimizer { RATE } }"
    assert len(build_all(text)) == 1
    assert len(build_all(text * 2)) == 2


def test_embeddings_have_a_rate_of_their_own_by_a_factor():
    factor = "embedding_learning_rate_multiplier: 3"
    embeddings, others = build_all(f"optimizer_config {{ adam_optimizer {{ RATE }} {factor} }}")
    for step in (0, 5):
        rate = float(others.learning_rate(step))
        assert float(embeddings.learning_rate(step)) == pytest.approx(3 * rate)
    copied = type(embeddings).from_config(embeddings.get_config())
    assert float(copied.learning_rate(5)) == pytest.approx(float(embeddings.learning_rate(5)))


def test_of_two_optimizers_the_embeddings_has_the_factor():
    first, second = "adam_optimizer { RATE }", "sgd_optimizer { RATE }"
    factor = "embedding_learning_rate_multiplier: 0.5"
    text = f"optimizer_config {{ {first} {factor} }} optimizer_config {{ {second} }}"
    embeddings, others = build_all(text)
    assert isinstance(embeddings, LazyAdam)
    assert not isinstance(others, LazyAdam)
    assert float(embeddings.learning_rate(1)) == pytest.approx(float(others.learning_rate(1)) / 2)


@pytest.mark.parametrize("count", [0, 3])
def test_another_number_of_optimizers_is_an_error(count):
    text = "optimizer_config { sgd_optimizer { RATE } }" * count
    with pytest.raises(ConfigError) as error:
        build_all(text)
    assert str(error.value) == (
        "`train_config.optimizer_config` should be given once, or twice: first for the embeddings, "
        f"then for all else. Received: {count}."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`optimizer_config` should have one of `adam_optimizer`, "),
        (
            "adam_optimizer {}",
            "`optimizer_config.adam_optimizer.learning_rate` should have one of "
            "`constant_learning_rate`, ",
        ),
        (
            "lazy_adam_optimizer { RATE } update_idle_rows: true",
            "`optimizer_config.update_idle_rows` should be false with `lazy_adam_optimizer`, which "
            "leaves idle rows alone. Received: true. Take `adam_optimizer`.",
        ),
        (
            "momentum_optimizer { RATE momentum_optimizer_value: 1.5 }",
            "`optimizer_config.momentum_optimizer`: `momentum` must be between [0, 1].",
        ),
    ],
)
def test_an_optimizer_that_cannot_be_is_told(text, words):
    with pytest.raises(ConfigError) as error:
        build(text)
    assert words in str(error.value)
