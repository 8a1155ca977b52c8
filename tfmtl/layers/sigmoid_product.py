"""The logit of a product of probabilities, for steps of a funnel: impression → click → conversion.

    log p = Σ_k log σ(c_k),    logit(p) = log p − log(1 − p)

Formed in log space, so that it is exact where the probabilities themselves have underflown or are
1.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class SigmoidProduct(keras.layers.Layer):
    """Maps conditional logits [c_1, …, c_n] to their marginal's logit, all (batch, 1)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        log_p = -tf.add_n([tf.math.softplus(-logit) for logit in inputs])
        return log_p - log1mexp(log_p)


@tf.custom_gradient
def log1mexp(log_p: tf.Tensor) -> tuple[tf.Tensor, object]:
    """log(1 − exp(log_p)) for log_p ≤ 0, by the branch that keeps its digits (Mächler 2012).

    A log_p that has rounded to zero is taken as −1e-37, the result as −85.2, and passes no
    gradient.
    """
    bounded = tf.minimum(log_p, -1e-37)
    near_one = tf.math.log(-tf.math.expm1(bounded))
    far = tf.math.log1p(-tf.exp(bounded))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        slope = tf.exp(bounded) / tf.math.expm1(bounded)
        return tf.where(log_p < -1e-37, upstream * slope, 0.0)

    return tf.where(bounded > -0.6931472, near_one, far), gradient
