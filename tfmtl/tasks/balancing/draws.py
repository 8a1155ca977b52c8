"""Random numbers of a strategy, which depend on its seed and on the step's number alone."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer


class Draws:
    """Counts steps, each of which has random numbers of its own.

    Args:
        balancer: Remembers the count.
        seed: The seed.
    """

    def __init__(self, balancer: Balancer, seed: int) -> None:
        self._seed = seed
        self._steps = balancer.remember("steps", 0, tf.int64)

    @property
    def seed(self) -> tf.Tensor:
        """The seed of the step to come, as TensorFlow's stateless generators take it, `(2,)`."""
        return tf.stack([tf.constant(self._seed, tf.int64), self._steps.read_value()])

    def step(self) -> None:
        """Counts a step."""
        self._steps.assign_add(1)
