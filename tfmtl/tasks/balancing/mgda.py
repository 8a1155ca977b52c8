"""Multiple gradient descent: the weights of the shortest sum of the tasks' gradients.

    min ‖Σ w_k·g_k‖²   with Σ w_k = 1 and w_k ≥ 0

The sum is a direction in which no task gets worse; where it is 0, no direction is.

References:
    Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018,
    https://arxiv.org/abs/1810.04650, eq. 3
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights, alike, present
from tfmtl.tasks.balancing.gram import lengths, solve_present
from tfmtl.tasks.balancing.simplex import shortest


class MGDA(Balancer):
    """Finds the weights of the shortest sum of gradients.

    The gradients may be divided before the weights are looked for, so that tasks of larger losses
    or gradients do not get all too small ones; the weights are for the losses as they are.

    Args:
        count: Number of tasks.
        by_norm: Whether gradients are divided by their norm.
        by_loss: Whether gradients are divided by the size of their task's loss.
    """

    needs_gradients = True

    def __init__(self, count: int, by_norm: bool = False, by_loss: bool = False) -> None:
        super().__init__(count)
        self._by_norm = by_norm
        self._by_loss = by_loss

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        divisors = tf.ones_like(values)
        if self._by_norm:
            divisors *= lengths(gram)
        if self._by_loss:
            # The size alone: by a loss below 0, as of a density, a gradient would be turned round.
            divisors *= tf.where(present(values), tf.abs(values), 1.0)
        scaled = tf.math.divide_no_nan(gram, divisors[:, tf.newaxis] * divisors)
        return alike(solve_present(scaled, shortest))
