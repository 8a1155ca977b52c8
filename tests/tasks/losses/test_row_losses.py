"""Losses against NumPy in double precision, at ordinary and at extreme logits."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks import losses

LOGIT = np.array([-50.0, -3.0, 0.0, 0.4, 50.0], np.float32)


@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_sigmoid_cross_entropy_is_exact_at_logits_of_50(label):
    c = LOGIT.astype(np.float64)
    expected = label * np.logaddexp(0, -c) + (1 - label) * np.logaddexp(0, c)
    actual = losses.sigmoid_cross_entropy(tf.fill([5], label), LOGIT)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_softmax_cross_entropy_is_exact_at_logits_of_50():
    logits = np.stack([LOGIT, -LOGIT, np.zeros(5, np.float32)], axis=1)
    label = np.array([0, 1, 2, 0, 1], np.float32)
    c = logits.astype(np.float64)
    expected = np.logaddexp.reduce(c, axis=1) - c[np.arange(5), label.astype(int)]
    actual = losses.softmax_cross_entropy(tf.constant(label), logits)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_softmax_cross_entropy_takes_a_class_outside_for_the_nearest():
    logits = tf.constant([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    outside = losses.softmax_cross_entropy(tf.constant([-1.0, 9.0]), logits)
    nearest = losses.softmax_cross_entropy(tf.constant([0.0, 2.0]), logits)
    np.testing.assert_array_equal(outside, nearest)


def test_squared_error_is_the_square_of_the_difference():
    actual = losses.squared_error(tf.constant([1.0, -2.0]), tf.constant([4.0, 0.5]))
    np.testing.assert_allclose(actual, [9.0, 6.25])


@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_divergence_is_cross_entropy_less_the_entropy_of_the_label(label):
    c = np.float64([-3.0, 0.0, 0.4, 3.0])
    p, q = 1 / (1 + np.exp(-c)), label
    parts = [a * np.log(a / b) if a else 0.0 * b for a, b in ((q, p), (1 - q, 1 - p))]
    actual = losses.sigmoid_divergence(tf.fill([4], label), c.astype(np.float32))
    np.testing.assert_allclose(actual, sum(parts), rtol=1e-5, atol=1e-7)


def test_divergence_from_itself_is_0():
    logit = tf.constant(LOGIT)
    np.testing.assert_allclose(losses.sigmoid_divergence(tf.sigmoid(logit), logit), 0, atol=1e-6)


def test_sigmoid_squared_error_is_of_the_probability():
    c, label = LOGIT.astype(np.float64), np.array([0.0, 1.0, 0.5, 1.0, 1.0])
    expected = (1 / (1 + np.exp(-c)) - label) ** 2
    actual = losses.sigmoid_squared_error(tf.constant(label, tf.float32), LOGIT)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


ERRORS = np.array([-50.0, -2.0, -0.5, 0.0, 0.3, 1.5, 50.0], np.float32)


def test_absolute_error_is_the_size_of_the_difference():
    actual = losses.absolute_error(tf.ones(7), 1.0 + ERRORS)
    np.testing.assert_allclose(actual, np.abs(ERRORS), atol=1e-6)


@pytest.mark.parametrize("delta", [0.4, 1.0, 3.0])
def test_huber_error_is_squared_near_0_and_straight_beyond(delta):
    size = np.abs(ERRORS)
    expected = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
    actual = losses.huber_error(tf.zeros(7), ERRORS, delta)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_error_weighs_what_is_below_and_above_differently(quantile):
    excess = -ERRORS
    expected = np.where(excess > 0, quantile * excess, (1 - quantile) * -excess)
    actual = losses.quantile_error(tf.zeros(7), ERRORS, quantile)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7)


def test_quantile_error_is_least_at_the_quantile():
    label = np.random.default_rng(0).gumbel(size=999).astype(np.float32)
    answers = np.linspace(-2, 6, 161, dtype=np.float32)
    means = [np.mean(losses.quantile_error(label, tf.fill([999], a), 0.9)) for a in answers]
    assert answers[np.argmin(means)] == pytest.approx(np.quantile(label, 0.9), abs=0.05)
