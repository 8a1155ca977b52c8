"""Dual balancing: logarithms of losses, and, if asked to, gradients of one length.

    losses      Σ_k log L_k, whose slope in L_k is 1/L_k
    gradients   w_k = max_j(n_j)/n_k · 1/L_k,  n_k = ‖g_k‖/L_k the length of that of log L_k

The paper averages the gradients over the steps; here they are those of the step. A task without
rows in a batch has weight 0 there.

References:
    Lin et al., "Dual-Balancing for Multi-Task Learning", 2023, https://arxiv.org/abs/2308.12029,
    algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights, alike, among, present
from tfmtl.tasks.balancing.gram import lengths

_EPSILON = 1e-8


class DualBalancing(Balancer):
    """Balances the losses by logarithms.

    Args:
        count: Number of tasks.
        balance_gradients: Whether the gradients get the same length, too.
    """

    def __init__(self, count: int, balance_gradients: bool = False) -> None:
        super().__init__(count)
        self.needs_gradients = balance_gradients

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        own = among(present(values), 1.0 / (tf.maximum(values, 0.0) + _EPSILON))
        if not self.needs_gradients:
            return alike(own)
        norms = own * lengths(gram)
        shared = own * tf.math.divide_no_nan(tf.reduce_max(norms), norms)
        return Weights(shared, own)
