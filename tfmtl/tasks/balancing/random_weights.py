"""Random weights.

    w = softmax(z),  z ~ N(0, 1), drawn anew every step

References:
    Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task
    Learning", TMLR 2022, https://arxiv.org/abs/2111.10603
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike
from tfmtl.tasks.balancing.draws import Draws


class RandomWeights(Balancer):
    """Draws the weights; what is drawn at a step depends on its number and the seed alone.

    Args:
        count: Number of tasks.
        seed: The seed.
    """

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count)
        self._draws = Draws(self, seed)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(tf.nn.softmax(tf.random.stateless_normal([self.count], self._draws.seed)))

    def update(self, observed: Observed) -> None:
        self._draws.step()
