"""GradNorm: weights that bring the tasks' gradients to lengths by how far each task lags behind.

    N_k = w_k·‖g_k‖,   N* = mean_j(N_j)·(l_k / mean_j(l_j))^α,   l_k = L_k / first L_k
    slope of Σ_k |N_k − N*_k| in w_k = sign(N_k − N*_k)·‖g_k‖,   N* held still

and after each step w ← w·K / Σ w. Tasks without rows in a batch take no part in the means, and
their w_k does not move but by that scaling.

References:
    Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask
    Networks", ICML 2018, https://arxiv.org/abs/1711.02257, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.adam import Adam
from tfmtl.tasks.balancing.base import (
    Balancer,
    Observed,
    Weights,
    alike,
    mean_among,
    present,
)
from tfmtl.tasks.balancing.gram import lengths

_LEAST = 1e-3  # A step of Adam may lead below 0, where a task would unlearn.


class GradNorm(Balancer):
    """Learns weights by the lengths of the gradients.

    Args:
        count: Number of tasks.
        alpha: α.
        learning_rate: Rate of the weights.
    """

    needs_gradients = True

    def __init__(self, count: int, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        super().__init__(count)
        self._alpha = alpha
        self.w = self.remember_tasks("w", 1.0)
        self._first = self.remember_tasks("first", 0.0)
        self._adam = Adam(self, self.w, learning_rate)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(self.w.read_value())

    def update(self, observed: Observed) -> None:
        values, norms = observed.values, lengths(observed.gram)
        here = present(values)
        self._first.assign(tf.where(here & (self._first == 0.0), values, self._first))
        lag = tf.math.divide_no_nan(values, self._first)
        scaled = self.w * norms
        # A loss below 0, as of a density, has no rate of its own.
        rate = tf.maximum(tf.math.divide_no_nan(lag, mean_among(here, lag)), 0.0)
        wanted = mean_among(here, scaled) * tf.pow(rate, self._alpha)
        self._adam.descend(tf.sign(scaled - wanted) * norms, here)
        positive = tf.maximum(self.w, _LEAST)
        self.w.assign(positive * (self.count / tf.reduce_sum(positive)))
