"""The geometric mean of the losses.

    (Π_k L_k)^(1/K),   whose slope in L_k is w_k = mean / (K·L_k)

over the K tasks that have rows in the batch.

References:
    Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy for
    Multi-Task Learning", CVPR Workshops 2019, https://arxiv.org/abs/1904.08492, eq. 3
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import (
    Balancer,
    Weights,
    alike,
    among,
    mean_among,
    positive,
    present,
)


class GeometricMean(Balancer):
    """Weighs losses by their inverse.

    Args:
        count: Number of tasks.
    """

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        here = present(values)
        losses = positive(values)
        mean = tf.exp(mean_among(here, tf.math.log(losses)))
        count = tf.math.count_nonzero(here, dtype=tf.float32)
        return alike(among(here, tf.math.divide_no_nan(mean, count * losses)))
