"""Zero-inflated log-normal: a value that mostly is 0, and has a long tail where it is not.

p = σ(c_0),  μ = c_1,  σ = softplus(c_2)            the three logits of a row
y = 0 with 1 - p,  log y ~ N(μ, σ²) with p
E y = p·exp(μ + σ²/2)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from tfmtl.tasks.losses.means import mean
from tfmtl.tasks.losses.rows import sigmoid_cross_entropy
from tfmtl.tasks.space import Targets

_LEAST_SIGMA = math.sqrt(1e-7)


class ZILNLoss:
    """The negative log likelihood, in its two parts, and penalties.

        L = a·mean CE(y > 0, c_0) + b·mean over y > 0 of -log lognormal(y; μ, σ)
            + mu_regularization·mean μ² + sigma_regularization·mean c_2²

    Args:
        max_sigma: The largest σ.
        classification_weight: a.
        regression_weight: b.
        mu_regularization: Weight of the penalty on μ.
        sigma_regularization: Weight of the penalty on c_2.

    References:
        Wang et al., "A Deep Probabilistic Model for Customer Lifetime Value Prediction", 2019,
        https://arxiv.org/abs/1912.07753
    """

    is_squared = False
    variables: Sequence[tf.Variable] = ()

    def __init__(
        self,
        max_sigma: float = 5.0,
        classification_weight: float = 1.0,
        regression_weight: float = 1.0,
        mu_regularization: float = 0.01,
        sigma_regularization: float = 0.01,
    ) -> None:
        self.columns: list[str] = []
        self.max_sigma = max_sigma
        self.classification_weight = classification_weight
        self.regression_weight = regression_weight
        self.mu_regularization = mu_regularization
        self.sigma_regularization = sigma_regularization

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        c, mu, raw = tf.unstack(logits, axis=-1)
        is_positive = label > 0.0
        entropy = sigmoid_cross_entropy(tf.cast(is_positive, c.dtype), c)
        density = _log_normal(tf.where(is_positive, label, 1.0), mu, _sigma(raw, self.max_sigma))
        return (
            self.classification_weight * mean(entropy, weight)
            + self.regression_weight * mean(-density, tf.where(is_positive, weight, 0.0))
            + self.mu_regularization * mean(tf.square(mu), weight)
            + self.sigma_regularization * mean(tf.square(raw), weight)
        )


def log_expected_value(logits: tf.Tensor, max_sigma: float, max_log: float) -> tf.Tensor:
    """`log E y = log p + μ + σ²/2`, `(batch,)`.

    Args:
        logits: `(batch, 3)`.
        max_sigma: The largest σ.
        max_log: The largest answer.
    """
    c, mu, raw = tf.unstack(logits, axis=-1)
    log_value = tf.math.log_sigmoid(c) + mu + tf.square(_sigma(raw, max_sigma)) / 2
    return tf.minimum(log_value, max_log)


def _sigma(raw: tf.Tensor, max_sigma: float) -> tf.Tensor:
    return tf.clip_by_value(tf.math.softplus(raw), _LEAST_SIGMA, max_sigma)


def _log_normal(value: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """The log of the density at a value above 0."""
    log_value = tf.math.log(value)
    z = (log_value - mu) / sigma
    return -log_value - tf.math.log(sigma) - 0.5 * math.log(2 * math.pi) - tf.square(z) / 2
