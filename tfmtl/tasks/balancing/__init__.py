"""Balancing: how the losses of tasks are weighed against each other, one strategy a file."""

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights
from tfmtl.tasks.balancing.build import build_plan
from tfmtl.tasks.balancing.parts import Part, task_parts, term_parts
from tfmtl.tasks.balancing.plan import Plan, fixed_plan

__all__ = [
    "Balancer",
    "Observed",
    "Part",
    "Plan",
    "Weights",
    "build_plan",
    "fixed_plan",
    "task_parts",
    "term_parts",
]
