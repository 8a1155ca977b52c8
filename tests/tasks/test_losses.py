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
