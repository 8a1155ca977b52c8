"""Variational dropout: the share of each feature that is dropped is learnt."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfmtl.layers import VariationalDropout

WIDTHS = [2, 1, 3]
X = tf.constant(np.random.default_rng(0).normal(size=(5, 6)), tf.float32)


def dropout_with(logit, **how):
    layer = VariationalDropout(WIDTHS, **how)
    layer(X)
    layer.logit.assign(logit)
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def test_outside_of_training_each_feature_is_shortened_by_its_share():
    kept = 1 - sigmoid([0.0, -2.0, 3.0])
    expected = X.numpy() * np.repeat(kept, WIDTHS)
    np.testing.assert_allclose(dropout_with([0.0, -2.0, 3.0])(X), expected, rtol=1e-5)


def test_each_entry_may_have_a_share_of_its_own():
    logit = np.linspace(-2, 2, 6)
    layer = dropout_with(logit, entry_wise=True)
    np.testing.assert_allclose(layer(X), X.numpy() * (1 - sigmoid(logit)), rtol=1e-5)


def test_in_training_a_feature_is_kept_or_dropped_as_a_whole():
    layer = dropout_with([0.0, 0.0, 0.0])
    factor = layer(tf.ones([2000, 6]), training=True).numpy()
    np.testing.assert_array_equal(factor[:, 0], factor[:, 1])
    np.testing.assert_array_equal(factor[:, 3], factor[:, 5])
    assert (np.abs(factor - 0.5) > 0.45).mean() > 0.7  # Nearly all or nothing.
    np.testing.assert_allclose(factor.mean(axis=0), np.full(6, 0.5), atol=0.05)
    assert abs(np.corrcoef(factor[:, 0], factor[:, 2])[0, 1]) < 0.1


def test_a_feature_that_is_surely_kept_passes():
    np.testing.assert_allclose(dropout_with([-30.0] * 3)(X, training=True), X, rtol=1e-6)


def test_the_penalty_is_on_what_is_kept_by_row():
    layer = dropout_with([0.0, 1.0, -1.0], penalty=0.3)
    layer(X, training=True)
    expected = 0.3 * (1 - sigmoid([0.0, 1.0, -1.0])).sum() / 5
    np.testing.assert_allclose(tf.add_n(layer.losses), expected, rtol=1e-5)
    layer(X)
    assert layer.losses == []


def test_a_feature_that_only_disturbs_is_dropped_more_and_more():
    layer, random = dropout_with([0.0] * 3), np.random.default_rng(1)
    optimizer = keras.optimizers.legacy.Adam(0.1)
    for _ in range(60):
        x = tf.constant(random.normal(size=(64, 6)), tf.float32)
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            loss = tf.reduce_mean(tf.square(y[:, :2] - x[:, :2])) + tf.reduce_mean(y[:, 3:] ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, layer.logit), layer.logit)])
    useful, _, harmful = sigmoid(layer.logit.numpy())
    assert useful < 0.2 < 0.8 < harmful


@pytest.mark.parametrize("layer", [VariationalDropout(WIDTHS, True, 0.5, name="a")])
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
