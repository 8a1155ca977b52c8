"""Fast adaptive multi-task optimization: all tasks' losses fall at the same rate.

    z = softmax(x),   w_k = c·z_k / L_k,   c = 1 / Σ_k z_k/L_k
    x ← x − η·(Jᵀ·δ + γ·x),   δ_k = log L_k(before the step) − log L_k(after it),  J = ∂z/∂x

by Adam in place of the plain step. δ takes a second forward pass over the batch. A task without
rows in a batch has weight 0 there, the others share the whole, and its x_k does not move.

References:
    Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023,
    https://arxiv.org/abs/2306.03792, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.adam import Adam
from tfmtl.tasks.balancing.base import (
    Balancer,
    Observed,
    Weights,
    alike,
    among,
    positive,
    present,
    softmax_among,
)


class FAMO(Balancer):
    """Learns weights by how much the losses fell with each step.

    Args:
        count: Number of tasks.
        learning_rate: η.
        gamma: γ.
    """

    def __init__(self, count: int, learning_rate: float = 0.025, gamma: float = 1e-3) -> None:
        super().__init__(count)
        self._gamma = gamma
        self.x = self.remember_tasks("x", 0.0)
        self._adam = Adam(self, self.x, learning_rate)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        here = present(values)
        rates = among(here, softmax_among(here, self.x) / positive(values))
        return alike(tf.math.divide_no_nan(rates, tf.reduce_sum(rates)))

    def update(self, observed: Observed) -> None:
        here = present(observed.values)
        before, after = positive(observed.values), positive(observed.again())
        fall = among(here, tf.math.log(before) - tf.math.log(after))
        z = softmax_among(here, self.x)
        slope = z * (fall - tf.tensordot(z, fall, 1))  # Jᵀ·δ
        self._adam.descend(slope + self._gamma * self.x, here)
