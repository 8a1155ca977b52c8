"""Batch normalization over the batch axis alone.

    y = γ·(x − μ)/√(σ² + ε) + β

with μ and σ² of the batch while training, their moving averages otherwise.

Ioffe & Szegedy 2015, "Batch Normalization" (arXiv:1502.03167). Keras's own layer normalizes one
axis of a bank, or all experts by the same statistics; and its sums over a tall batch take twice the
time of the products with a row of ones that this one uses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.by_unit import ByUnit, Inputs, by_network


@keras.utils.register_keras_serializable("tfmtl")
class BatchNormalization(ByUnit):
    """Normalizes each unit over the batch, the last axis but one.

    Args:
        momentum: How much of the moving averages stays at each step.
        epsilon: Added to the variance.
        scale: Whether γ is learnt (else 1).
        center: Whether β is learnt (else 0).
    """

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        scale: bool = True,
        center: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.scale = scale
        self.center = center
        self.moves_averages = True

    def build(self, input_shape: Any) -> None:
        shape = self.weights_shape(input_shape)
        self.gamma = self.add_weight(
            name="gamma", shape=shape, initializer="ones", trainable=self.scale
        )
        self.beta = self.add_weight(
            name="beta", shape=shape, initializer="zeros", trainable=self.center
        )
        moving = {"shape": shape, "trainable": False, "aggregation": tf.VariableAggregation.MEAN}
        moving["synchronization"] = tf.VariableSynchronization.ON_READ
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)
        super().build(input_shape)

    def call(self, inputs: Inputs, training: bool | None = None) -> Any:
        if not training:
            scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
            shift = self.beta - self.moving_mean * scale
            return by_network(lambda x, scale, shift: x * scale + shift, inputs, scale, shift)
        normalized = by_network(self._normalize, inputs, self.gamma, self.beta)
        if not isinstance(inputs, list):
            outputs, mean, variance = normalized
        else:
            outputs, means, variances = (list(part) for part in zip(*normalized, strict=True))
            mean, variance = tf.stack(means), tf.stack(variances)
        if self.moves_averages:
            self._move_averages(mean, variance, _has_rows(inputs))
        return outputs

    def _move_averages(self, mean: tf.Tensor, variance: tf.Tensor, has_rows: tf.Tensor) -> None:
        share = (1.0 - self.momentum) * tf.cast(has_rows, mean.dtype)
        self.moving_mean.assign_sub((self.moving_mean - mean) * share)
        self.moving_variance.assign_sub((self.moving_variance - variance) * share)

    def _normalize(self, x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> Any:
        return normalize_batch(x, gamma, beta, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("momentum", "epsilon", "scale", "center")
        return {**config, **{name: getattr(self, name) for name in names}}


@contextlib.contextmanager
def averages_kept(network: keras.Model) -> Iterator[None]:
    """Lets a network in training normalize by the batch, as ever, and move no averages."""
    found = [each for each in network.submodules if isinstance(each, BatchNormalization)]
    for layer in found:
        layer.moves_averages = False
    try:
        yield
    finally:
        for layer in found:
            layer.moves_averages = True


def _has_rows(inputs: Inputs) -> tf.Tensor:
    """Whether there is a row; steps of sequences are rows, too, and a batch may have none."""
    return tf.shape(inputs[0] if isinstance(inputs, list) else inputs)[-2] > 0


def normalize_batch(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalizes over the last axis but one.

    Returns:
        The outputs, and the mean and the variance, which carry no gradient.
    """

    @tf.custom_gradient
    def normalize(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> Any:
        rows = tf.shape(x)[-2]
        ones = tf.ones([1, rows], x.dtype)
        count = tf.cast(tf.maximum(rows, 1), x.dtype)
        mean = tf.matmul(ones, x) / count
        variance = tf.matmul(ones, tf.math.squared_difference(x, mean)) / count
        inverse = tf.math.rsqrt(variance + epsilon)
        scale = gamma * inverse

        def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            d_beta = tf.matmul(ones, upstream)
            d_gamma = (tf.matmul(ones, upstream * x) - mean * d_beta) * inverse
            slope = scale * d_gamma * inverse / count
            return (
                upstream * scale - x * slope + (mean * slope - scale * d_beta / count),
                d_gamma,
                d_beta,
            )

        outputs = x * scale + (beta - mean * scale)
        return (outputs, tf.stop_gradient(mean), tf.stop_gradient(variance)), gradient

    return normalize(inputs, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta))
