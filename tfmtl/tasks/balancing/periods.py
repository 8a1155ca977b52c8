"""Periods of a training: epochs, or so many steps."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer


class Periods:
    """Counts steps, and periods of them.

    Args:
        balancer: Remembers the count.
        steps: Steps of a period.
    """

    def __init__(self, balancer: Balancer, steps: int) -> None:
        self.steps = steps
        self._made = balancer.remember("steps", 0, tf.int64)

    @property
    def passed(self) -> tf.Tensor:
        """How many periods have passed, an int64 scalar."""
        return self._made // self.steps

    @property
    def begins(self) -> tf.Tensor:
        """Whether the step to come is the first of a period."""
        return tf.equal(self._made % self.steps, 0)

    def step(self) -> tf.Tensor:
        """Counts a step, and tells whether a period ends with it."""
        return tf.equal(self._made.assign_add(1) % self.steps, 0)
