"""Random weights.

    w = softmax(z),  z ~ N(0, 1), drawn anew every step

References:
    Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task
    Learning", TMLR 2022, https://arxiv.org/abs/2111.10603
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike


class RandomWeights(Balancer):
    """Draws the weights; what is drawn at a step depends on its number and the seed alone.

    Args:
        count: Number of tasks.
        seed: The seed.
    """

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count)
        self._seed = seed
        self._steps = self.remember("steps", 0, tf.int64)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        seed = tf.stack([tf.constant(self._seed, tf.int64), self._steps.read_value()])
        return alike(tf.nn.softmax(tf.random.stateless_normal([self.count], seed)))

    def update(self, observed: Observed) -> None:
        self._steps.assign_add(1)
