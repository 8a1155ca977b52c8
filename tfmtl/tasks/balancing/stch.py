"""Smooth Tchebycheff: the largest loss counts most, and more so the smaller μ.

    μ·log Σ_k exp(L_k/μ),   whose slope in L_k is w_k = softmax_k(L/μ)

over the tasks that have rows in the batch.

References:
    Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML 2024,
    https://arxiv.org/abs/2402.19078, eq. 10
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights, alike, present, softmax_among


class STCH(Balancer):
    """Weighs the largest loss most.

    Args:
        count: Number of tasks.
        mu: μ.
    """

    def __init__(self, count: int, mu: float = 0.1) -> None:
        super().__init__(count)
        self._mu = mu

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(softmax_among(present(values), values / self._mu))
