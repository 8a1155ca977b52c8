"""What balances the tasks: from their losses, and perhaps their gradients, to a weight for each.

Whatever the strategy, the gradient of a step is

    shared parameters      Σ_k shared_k·∇L_k
    parameters of task k   own_k·∇L_k

A strategy that combines the tasks' gradients needs no more of them than their inner products
G_jk = g_j·g_k: all of them make sums of the g_k, whose factors follow from G. So one interface
serves all, and no strategy ever sees a gradient's size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

_EPSILON = 1e-8


class Weights(NamedTuple):
    """The weights of a step, `(tasks,)` each."""

    shared: tf.Tensor
    """For what tasks share."""
    own: tf.Tensor
    """For what is a task's own."""


class Observed(NamedTuple):
    """What a step saw of the tasks."""

    values: tf.Tensor
    """The losses before the step, `(tasks,)`."""
    gram: tf.Tensor | None
    """The inner products of the gradients, `(tasks, tasks)`; None if nobody asked."""
    again: Callable[[], tf.Tensor]
    """Computes the losses of the same batch after the step."""


class Balancer:
    """Weighs the losses of tasks.

    A loss of 0 stands for a task without rows in the batch: it gets a weight that is finite, and
    what is remembered of the task stands still.

    Args:
        count: Number of tasks.
    """

    needs_gradients = False
    """Whether `weights` needs the inner products of the tasks' gradients."""
    averages_gradients = False
    """Whether these are moving averages, as `averaging` says."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.variables: dict[str, tf.Variable] = {}

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        """The weights of a step.

        Args:
            values: The losses, `(tasks,)`.
            gram: The inner products of their gradients, `(tasks, tasks)`.
        """
        raise NotImplementedError

    def averaging(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """How the gradients of a step enter their moving averages, `(tasks,)` each.

        Args:
            values: The losses, `(tasks,)`.

        Returns:
            β and s of `ĝ ← β·ĝ + (1 − β)·s·g`; s is 0 for a task without rows.
        """
        raise NotImplementedError

    def update(self, observed: Observed) -> None:
        """Learns from a step that has been made."""

    def remember(self, name: str, initial: Any, dtype: tf.DType = tf.float32) -> tf.Variable:
        """Makes a variable, which becomes part of the checkpoints.

        Args:
            name: Its name there, after `balancing/`.
            initial: Its value at the start.
            dtype: Its type.
        """
        # Replicas of a strategy see different rows, and remember their mean.
        kinds = tf.VariableAggregation
        aggregation = kinds.MEAN if dtype.is_floating else kinds.ONLY_FIRST_REPLICA
        self.variables[name] = tf.Variable(
            tf.constant(initial, dtype),
            trainable=False,
            name=name,
            aggregation=aggregation,
            synchronization=tf.VariableSynchronization.ON_WRITE,
        )
        return self.variables[name]

    def remember_tasks(self, name: str, initial: float) -> tf.Variable:
        """Makes a variable with a number for each task, `(tasks,)`."""
        return self.remember(name, [initial] * self.count)


def alike(weights: tf.Tensor) -> Weights:
    """The same weights for what is shared and for what is a task's own."""
    return Weights(weights, weights)


def present(values: tf.Tensor) -> tf.Tensor:
    """Which tasks have something to learn in a batch, `(tasks,)` booleans."""
    return tf.not_equal(values, 0.0)


def positive(values: tf.Tensor) -> tf.Tensor:
    """Losses that have a logarithm, and an inverse: max(L, 0) + 1e-8, `(tasks,)`."""
    return tf.maximum(values, 0.0) + _EPSILON


def among(chosen: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Values where chosen, elsewhere 0; `(tasks,)` each."""
    return tf.where(chosen, values, tf.zeros_like(values))


def mean_among(chosen: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The mean of the chosen ones, a scalar; 0 if there are none."""
    count = tf.math.count_nonzero(chosen, dtype=values.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(among(chosen, values)), count)


def softmax_among(chosen: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The softmax of the chosen ones, elsewhere 0; `(tasks,)` each."""
    highest = tf.reduce_max(tf.where(chosen, logits, logits.dtype.min))
    powers = among(chosen, tf.exp(tf.minimum(logits - highest, 0.0)))
    return tf.math.divide_no_nan(powers, tf.reduce_sum(powers))
