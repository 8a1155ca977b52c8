"""Fixed weights: those of the config alone.

w_k = 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights, alike


class Fixed(Balancer):
    """Leaves the losses as the config weighs them."""

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(tf.ones_like(values))
