"""Our normalization against Keras's, values and gradients."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.layers import BatchNormalization

BATCH, UNITS = 9, 4
X = tf.constant(np.random.default_rng(0).normal(100.0, 2.0, size=(BATCH, UNITS)), tf.float32)
WEIGHTS = [np.arange(1.0, 5.0), np.arange(4.0), np.full(4, 0.3), np.full(4, 2.0)]


def layer_with(layer, weights):
    layer(X)
    for weight, value in zip(layer.weights, weights, strict=True):
        weight.assign(np.reshape(value, weight.shape))
    return layer


def outputs_and_gradients(layer):
    with tf.GradientTape() as tape:
        tape.watch(X)
        outputs = layer(X, training=True)
        loss = tf.reduce_sum(tf.sin(outputs))
    gradients = tape.gradient(loss, [X, *layer.trainable_weights])
    return outputs, [np.squeeze(gradient) for gradient in gradients]


def test_training_equals_keras_in_outputs_gradients_and_moving_averages():
    ours = layer_with(BatchNormalization(), WEIGHTS)
    keras_layer = layer_with(keras.layers.BatchNormalization(), WEIGHTS)
    outputs, gradients = outputs_and_gradients(ours)
    expected, expected_gradients = outputs_and_gradients(keras_layer)
    np.testing.assert_allclose(outputs, expected, atol=2e-4)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=2e-3)
    for weight, wanted in zip(ours.weights, keras_layer.weights, strict=True):
        np.testing.assert_allclose(np.squeeze(weight), wanted, rtol=1e-4)


def test_inference_uses_the_moving_averages():
    gamma, beta, mean, variance = WEIGHTS
    expected = gamma * (X.numpy() - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(layer_with(BatchNormalization(), WEIGHTS)(X), expected, rtol=1e-4)


def test_a_bank_normalizes_each_expert_by_itself():
    bank = tf.stack([X, X * 3.0 - 7.0])
    outputs = BatchNormalization(epsilon=0.0)(bank, training=True)
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-3)
    np.testing.assert_allclose(tf.reduce_mean(outputs, axis=1), np.zeros((2, UNITS)), atol=1e-3)
