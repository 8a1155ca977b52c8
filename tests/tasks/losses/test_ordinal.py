"""Classes in order against the definition of a cumulative link model."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.losses import ordinal, ordinal_cross_entropy

Z = np.array([[0.5, -1.0, 2.0], [-3.0, 0.0, 0.3], [1.0, 4.0, -2.0], [0, 0, 0]], np.float32)


def probabilities(z):
    """P(y = k) as differences of P(y ≥ k), in double precision."""
    c = np.float64(z[:, :1]) - np.cumsum(np.logaddexp(0, np.float64(z[:, 1:])), axis=1)
    c = np.concatenate([z[:, :1], c], axis=1)
    at_least = 1 / (1 + np.exp(-c))
    edges = np.concatenate([np.ones((len(z), 1)), at_least, np.zeros((len(z), 1))], axis=1)
    return edges[:, :-1] - edges[:, 1:]


def test_probabilities_are_differences_of_cumulative_ones():
    actual = np.exp(ordinal.log_probabilities(tf.constant(Z)))
    np.testing.assert_allclose(actual, probabilities(Z), rtol=1e-5)
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-6)


def test_loss_is_the_negative_log_likelihood_of_the_class():
    label = np.array([0, 3, 1, 2], np.float32)
    expected = -np.log(probabilities(Z)[np.arange(4), label.astype(int)])
    np.testing.assert_allclose(ordinal_cross_entropy(tf.constant(label), Z), expected, rtol=1e-5)


def test_expected_class_is_the_mean_of_the_distribution():
    expected = probabilities(Z) @ np.arange(4)
    np.testing.assert_allclose(ordinal.expected_class(tf.constant(Z)), expected, rtol=1e-5)


def test_two_classes_are_a_binary_task():
    z = np.float32([[-50.0], [-1.0], [2.0], [50.0]])
    for label in (0.0, 1.0):
        sign = 1 - 2 * label
        actual = ordinal_cross_entropy(tf.fill([4], label), tf.constant(z))
        np.testing.assert_allclose(actual, np.logaddexp(0, sign * z[:, 0]), rtol=1e-5)


@pytest.mark.parametrize("label", [0.0, 1.0, 2.0, 3.0])
def test_loss_and_gradient_are_finite_at_logits_of_50(label):
    corners = np.float32(np.meshgrid(*[[-50, 0, 50]] * 3)).reshape(3, -1).T
    z = tf.Variable(corners)
    with tf.GradientTape() as tape:
        loss = ordinal_cross_entropy(tf.fill([27], label), z)
    assert np.all(np.isfinite(loss))
    assert np.all(np.isfinite(tape.gradient(loss, z)))


def test_a_class_outside_is_taken_for_the_nearest():
    outside = ordinal_cross_entropy(tf.constant([-1.0, 9.0]), Z[:2])
    nearest = ordinal_cross_entropy(tf.constant([0.0, 3.0]), Z[:2])
    np.testing.assert_array_equal(outside, nearest)
