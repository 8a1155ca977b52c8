"""The quotient of two probabilities, of which the first should not be above the second.

    p = min(σ(a) / σ(b), 1)
    logit = log p − log(1 − p),   log p = log σ(a) − log σ(b)

Formed in log space, so that it is exact where both probabilities are small.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

# The largest log p below 0 of which float32 still tells 1 − p: a logit of 15.9.
_NEAREST_ONE = -(2.0**-23)


@keras.utils.register_keras_serializable("tfmtl")
class SigmoidRatio(keras.layers.Layer):
    """Maps logits [a, b] to that of the quotient, all (batch, 1)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        log_p = tf.minimum(log_ratio(*inputs), _NEAREST_ONE)
        return log_p - tf.math.log(-tf.math.expm1(log_p))


@keras.utils.register_keras_serializable("tfmtl")
class IsRatioClipped(keras.layers.Layer):
    """Maps logits [a, b] to 1 where σ(a) is above σ(b), and to 0 elsewhere, all (batch, 1)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.cast(log_ratio(*inputs) > 0.0, inputs[0].dtype)


def log_ratio(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """log(σ(a) / σ(b))."""
    return tf.math.softplus(-b) - tf.math.softplus(-a)
