"""Dual balancing: logarithms of losses, and, if asked to, gradients of one length.

    losses      Σ_k log L_k, whose slope in L_k is 1/L_k
    gradients   w_k = max_j(n_j)/n_k · 1/L_k,  n_k = ‖ĝ_k‖, ĝ_k the gradient of log L_k
    averages    ĝ_k ← β_t·ĝ_k + (1 − β_t)·∇log L_k,  β_t = β/√t

from ĝ_k = 0 on, t the number of batches that have had rows of the task; β = 0 takes the gradients
of the step. A task without rows in a batch has weight 0 there, and its average stands still.

References:
    Lin et al., "Dual-Balancing for Multi-Task Learning", 2023, https://arxiv.org/abs/2308.12029,
    algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import (
    Balancer,
    Observed,
    Weights,
    alike,
    among,
    positive,
    present,
)
from tfmtl.tasks.balancing.gram import lengths


class DualBalancing(Balancer):
    """Balances the losses by logarithms.

    Args:
        count: Number of tasks.
        balance_gradients: Whether the gradients get the same length, too.
        forgetting_rate: β, below 1; above 0 it takes `balance_gradients`.
    """

    def __init__(
        self, count: int, balance_gradients: bool = False, forgetting_rate: float = 0.0
    ) -> None:
        super().__init__(count)
        self.needs_gradients = balance_gradients
        self.averages_gradients = forgetting_rate > 0.0
        self._rate = forgetting_rate
        if self.averages_gradients:
            self._batches = self.remember_tasks("batches", 0.0)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        own = _inverse(values)
        if not self.needs_gradients:
            return alike(own)
        norms = own * lengths(gram)
        shared = own * tf.math.divide_no_nan(tf.reduce_max(norms), norms)
        return Weights(shared, own)

    def averaging(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        beta = self._rate / tf.sqrt(self._batches + 1.0)
        return tf.where(present(values), beta, 1.0), _inverse(values)

    def update(self, observed: Observed) -> None:
        if self.averages_gradients:
            self._batches.assign_add(tf.cast(present(observed.values), tf.float32))


def _inverse(values: tf.Tensor) -> tf.Tensor:
    """The slope of log L_k in L_k; 0 for a task without rows."""
    return among(present(values), 1.0 / positive(values))
