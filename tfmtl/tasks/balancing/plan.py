"""How a training balances its losses: what, by which strategy, and where gradients are compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfmtl.tasks.balancing.base import Balancer
from tfmtl.tasks.balancing.fixed import Fixed
from tfmtl.tasks.balancing.parts import Part, task_parts
from tfmtl.tasks.task import Task


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a training balances its losses.

    Args:
        name: The strategy's, in the config.
        parts: What gets a weight.
        balancer: Gives the weights, one for each part.
        at_parameters: Whether gradients are compared at all shared parameters, and not at the
            shared representation.
    """

    name: str
    parts: Sequence[Part]
    balancer: Balancer
    at_parameters: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether the weights are those of the config."""
        return isinstance(self.balancer, Fixed)


def fixed_plan(tasks: Sequence[Task]) -> Plan:
    """The plan of a config that says nothing."""
    parts = task_parts(tasks)
    return Plan("fixed", parts, Fixed(len(parts)))
