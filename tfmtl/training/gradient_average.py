"""Moving averages of the tasks' gradients, for a balancer that asks for them.

    ĝ_k ← β_k·ĝ_k + (1 − β_k)·s_k·g_k

of each dense variable, with β_k and s_k as the balancer says. What it weighs is ĝ_k / s_k, which
stands in the place of g_k. Embedding tables keep the gradients of the step: an average would move
all their rows in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfmtl.tasks.balancing import Balancer
from tfmtl.training.gradient_sums import Gradient


class GradientAverage:
    """The averages, which the balancer remembers and so are in checkpoints.

    Args:
        balancer: Says how to average.
        variables: Of which there are averages, `tasks` times their size each.
    """

    def __init__(self, balancer: Balancer, variables: Sequence[tf.Variable]) -> None:
        self._balancer = balancer
        self._averages = {
            variable.ref(): balancer.remember(
                f"average_{place}/{variable.name.removesuffix(':0')}",
                np.zeros((balancer.count, *variable.shape)),
            )
            for place, variable in enumerate(variables)
        }

    def __call__(
        self,
        by_task: Sequence[Sequence[Gradient]],
        variables: Sequence[tf.Variable],
        values: tf.Tensor,
    ) -> tuple[list[list[Gradient]], Callable[[], None]]:
        """Averages the gradients of a step.

        Args:
            by_task: The gradients of each task.
            variables: What they are of.
            values: The losses, `(tasks,)`.

        Returns:
            The gradients to go by; and what remembers them, once the step has been made.
        """
        keep, scale = self._balancer.averaging(values)
        found = [list(gradients) for gradients in by_task]
        after: dict[Gradient, tf.Tensor] = {}
        for place, variable in enumerate(variables):
            if variable.ref() not in self._averages:
                continue
            average = self._averages[variable.ref()]
            k, s = (_beside(each, average) for each in (keep, scale))
            mean = k * average + (1.0 - k) * s * _stacked(by_task, place, variable)
            after[variable.ref()] = mean
            for own, gradient in zip(
                found, tf.unstack(tf.math.divide_no_nan(mean, s)), strict=True
            ):
                own[place] = gradient
        return found, lambda: self._remember(after)

    def _remember(self, after: dict[Gradient, tf.Tensor]) -> None:
        for reference, mean in after.items():
            self._averages[reference].assign(mean)


def _beside(by_task: tf.Tensor, average: tf.Variable) -> tf.Tensor:
    """A number of each task, `(tasks,)`, in as many axes as an average has."""
    return tf.reshape(by_task, [-1] + [1] * (average.shape.rank - 1))


def _stacked(by_task: Sequence[Sequence[Gradient]], place: int, variable: tf.Variable) -> tf.Tensor:
    """The gradients of one variable by task; 0 where there is none."""
    given = [gradients[place] for gradients in by_task]
    return tf.stack(
        [tf.zeros(variable.shape) if g is None else tf.convert_to_tensor(g) for g in given]
    )
