"""The logit of an event of a funnel, against float64 and at both ends."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.layers.event_logit import REST, EventLogit, OutcomeLogit

CHAIN = [("impression", [("click", 0)], [REST]), ("click", [("buy", 1)], [REST])]
# impression → click → action or other → buy
DIAMOND = [
    ("impression", [("click", 0)], [REST]),
    ("click", [("action", 1), ("other", REST)], []),
    ("action", [("buy", 2)], [REST]),
    ("other", [("buy", 3)], [REST]),
]
# Of three outcomes and none, two lead to the event.
FORK = [
    ("impression", [("a", 0), ("b", 1)], [2, REST]),
    ("a", [("end", 3)], [REST]),
    ("b", [("end", 4)], [REST]),
]


def random_logits(count, scale=3.0):
    return np.random.default_rng(count).normal(0.0, scale, size=(count, 50, 1))


def tensors(logits):
    return [tf.constant(each, tf.float32) for each in logits]


def sigmoid(c):
    return 1.0 / (1.0 + np.exp(-np.float64(c)))


def logit(p):
    return np.log(p) - np.log1p(-p)


def logit_of_product(*logits):
    """In log space and float64: log p = −Σ log(1 + e^−c), logit = log p − log(1 − e^log p)."""
    log_p = -sum(np.logaddexp(0.0, -np.float64(c)) for c in logits)
    return log_p - np.log(-np.expm1(log_p))


def test_of_a_chain_is_that_of_the_product():
    first, second = random_logits(2, scale=5.0)
    result = EventLogit(CHAIN)(tensors([first, second]))
    np.testing.assert_allclose(result, logit_of_product(first, second), rtol=2e-5, atol=1e-5)


def test_of_one_step_is_the_logit_itself():
    logits = np.linspace(-60.0, 60.0, 25)[:, None]
    result = EventLogit(CHAIN[:1])(tensors([logits]))
    np.testing.assert_allclose(result, logits, rtol=1e-6, atol=1e-6)


def test_of_ways_that_meet_is_that_of_their_sum():
    y1, y2, y3, y4 = sigmoid(random_logits(4))
    expected = logit(y1 * ((1 - y2) * y4 + y2 * y3))
    result = EventLogit(DIAMOND)(tensors(random_logits(4)))
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-5)


def test_of_some_of_many_outcomes_is_that_of_shares():
    a, b, c, end_a, end_b = random_logits(5)
    total = np.exp(a) + np.exp(b) + np.exp(c) + 1.0
    p = (np.exp(a) * sigmoid(end_a) + np.exp(b) * sigmoid(end_b)) / total
    result = EventLogit(FORK)(tensors([a, b, c, end_a, end_b]))
    np.testing.assert_allclose(result, logit(p), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_of_an_outcome_is_that_of_its_softmax(index):
    logits = random_logits(3)
    exponentials = np.exp([*logits, np.zeros((50, 1))])
    expected = logit(exponentials[index] / exponentials.sum(axis=0))
    result = OutcomeLogit(index)(tensors(logits))
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-5)


def test_of_an_outcome_alone_is_its_own_logit():
    (c,) = random_logits(1)
    np.testing.assert_array_equal(OutcomeLogit(0)(tensors([c])), np.float32(c))


@pytest.mark.parametrize("steps", [CHAIN, DIAMOND], ids=["chain", "diamond"])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_keeps_its_digits_and_a_gradient_at_both_ends(steps, sign):
    count = 1 + max(place for _, towards, _ in steps for _, place in towards)
    ends = [tf.fill([3, 1], sign * size) for size in np.linspace(30.0, 200.0, count, dtype="f")]
    with tf.GradientTape() as tape:
        tape.watch(ends)
        result = EventLogit(steps)(ends)
    gradients = tape.gradient(result, ends)
    assert np.isfinite(result).all() and np.isfinite(gradients).all()
    # Far beyond where float32 tells p from 0 or 1.
    assert np.all(sign * result > 25.0)
    assert np.abs(gradients).sum() > 0.5


def test_gradient_is_that_of_the_formula():
    first, second, step = np.float64(0.7), np.float64(-1.3), 1e-6
    slope = (logit_of_product(first + step, second) - logit_of_product(first - step, second)) / (
        2 * step
    )
    variable = tf.Variable([[first]], dtype=tf.float32)
    with tf.GradientTape() as tape:
        result = EventLogit(CHAIN)([variable, tf.constant([[second]], tf.float32)])
    np.testing.assert_allclose(tape.gradient(result, variable), [[slope]], rtol=1e-4)


def test_a_saved_layer_is_the_same():
    layer = EventLogit(DIAMOND, name="buy_logits")
    copy = EventLogit.from_config(layer.get_config())
    inputs = tensors(random_logits(4))
    np.testing.assert_array_equal(copy(inputs), layer(inputs))
