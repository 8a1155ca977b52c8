"""What is balanced: whole tasks, or the single terms of their losses.

L_p = weight_p · Σ_t factor_t·L_t,  t the terms of a part
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfmtl.tasks.task import Task

# By task, then by term; scalars.
Terms = Mapping[str, Mapping[str, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class Part:
    """Something that gets a weight.

    Args:
        name: The task or the term.
        task: The task.
        factors: The terms of the task that it is made of, and the factor of each.
        weight: Its weight in the config, by which the balancer's is multiplied.
        is_squared: Whether it is a squared error.
        learns_weight: Whether `loss_weight_strategy: Uncertainty` learns its weight.
    """

    name: str
    task: str
    factors: Mapping[str, float]
    weight: float = 1.0
    is_squared: bool = False
    learns_weight: bool = True

    def value(self, terms: Terms) -> tf.Tensor:
        """Its loss, a scalar.

        Args:
            terms: The losses by task and term.
        """
        own = terms[self.task]
        return self.weight * tf.add_n([factor * own[name] for name, factor in self.factors.items()])


def task_parts(tasks: Sequence[Task]) -> list[Part]:
    """Every task that has a loss, with its weight."""
    return [
        Part(
            task.name,
            task.name,
            {term.name: term.weight for term in task.terms},
            task.weight,
            all(term.loss.is_squared for term in task.terms),
        )
        for task in tasks
        if task.trained
    ]


def term_parts(tasks: Sequence[Task], learned_only: bool) -> list[Part]:
    """Every term of every task's loss.

    Args:
        tasks: The tasks.
        learned_only: Whether the terms whose weight is not learned keep the config's weights, which
            all others lose.
    """
    parts = []
    for task in tasks:
        for term in task.terms:
            keeps = learned_only and not term.learns_weight
            weight = task.weight * term.weight if keeps else 1.0
            name, squared = term.name, term.loss.is_squared
            parts.append(Part(name, task.name, {name: 1.0}, weight, squared, term.learns_weight))
    return parts
