"""Weights by learned uncertainty.

    Σ_k exp(−s_k)·L_k + s_k/2,  and exp(−s_k)/2 for a squared error

whose slope in s_k is −w_k·L_k + 1/2. Where s_k is at rest, w_k·L_k = 1/2 for every task. A task
without rows in a batch does not move its s_k; otherwise the rarer a task, the larger would be its
weight.

References:
    Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
    Semantics", CVPR 2018, https://arxiv.org/abs/1705.07115, section 3.3
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.tasks.balancing.adam import Adam
from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike, present


class Uncertainty(Balancer):
    """Learns how uncertain each task is.

    Args:
        squared: Whether each loss is a squared error.
        learned: Whether the weight of each is learned; otherwise it is 1.
        learning_rate: Rate of the s_k.
        initial_value: Where the s_k start.
    """

    def __init__(
        self,
        squared: Sequence[bool],
        learned: Sequence[bool],
        learning_rate: float = 0.01,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__(len(squared))
        self._scale = [0.5 if each else 1.0 for each in squared]
        self._learned = list(learned)
        self.s = self.remember_tasks("s", initial_value)
        self._adam = Adam(self, self.s, learning_rate)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        weights = tf.constant(self._scale) * tf.exp(-self.s)
        return alike(tf.where(self._learned, weights, 1.0))

    def update(self, observed: Observed) -> None:
        slope = 0.5 - self.weights(observed.values).own * observed.values
        self._adam.descend(slope, self._learned & present(observed.values))
