"""Conflict-averse descent: near the mean gradient, the direction that helps the worst task most.

    max_d min_k g_k·d   with ‖d − g‖ ≤ c·‖g‖,  g the mean of the g_k

whose solution is d = g + c·‖g‖·g_w/‖g_w‖, g_w = Σ w_k·g_k, for the w ≥ 0 of sum 1 with the least
g_w·g + c·‖g‖·‖g_w‖.

References:
    Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021,
    https://arxiv.org/abs/2110.14048, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights
from tfmtl.tasks.balancing.gram import solve_present
from tfmtl.tasks.balancing.simplex import most_averse

_TINY = 1e-30


class CAGrad(Balancer):
    """Finds the direction around the mean gradient that helps the worst task most.

    Args:
        count: Number of tasks. The mean is of those that have a gradient.
        c: The radius, as a share of the mean's norm.
    """

    needs_gradients = True

    def __init__(self, count: int, c: float = 0.4) -> None:
        super().__init__(count)
        self._c = c

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return Weights(solve_present(gram, self._solve), tf.ones_like(values))

    def _solve(self, gram: tf.Tensor) -> tf.Tensor:
        radius = self._c * tf.sqrt(tf.maximum(tf.reduce_mean(gram), 0.0))
        w = most_averse(gram, radius)
        length = tf.sqrt(tf.maximum(tf.tensordot(w, tf.linalg.matvec(gram, w), 1), _TINY))
        mean = 1.0 / tf.cast(tf.size(w), w.dtype)
        # Where g_w is 0 no direction helps all tasks, and only rounding says which way it points.
        longest = 1e6 * tf.reduce_max(tf.linalg.diag_part(gram)) ** -0.5
        return mean + radius * tf.minimum(1.0 / length, longest) * w
