"""Rules of the learning-rate schedules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_above, check_at_least, chosen
from tfmtl.protos import optimizer_pb2


def check(rate: optimizer_pb2.LearningRate, path: str, report: Report) -> None:
    """There is a schedule, and its rates and steps make sense."""
    if name := chosen(report, path, rate, "learning_rate"):
        _KINDS[name](getattr(rate, name), f"{path}.{name}", report)


def _check_rate(message: Any, field: str, path: str, report: Report) -> None:
    check_above(report, f"{path}.{field}", getattr(message, field), 0)


def _check_low_rate(message: Any, field: str, path: str, report: Report) -> None:
    check_at_least(report, f"{path}.{field}", getattr(message, field), 0)


def _check_steps(message: Any, field: str, path: str, report: Report) -> None:
    check_at_least(report, f"{path}.{field}", getattr(message, field), 1)


def _check_constant(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "learning_rate", path, report)


def _check_exponential(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "initial_learning_rate", path, report)
    _check_rate(message, "decay_factor", path, report)
    _check_steps(message, "decay_steps", path, report)
    _check_low_rate(message, "burnin_learning_rate", path, report)
    _check_low_rate(message, "min_learning_rate", path, report)


def _check_manual(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "initial_learning_rate", path, report)
    steps = [each.step for each in message.schedule]
    if not steps:
        report.should(f"{path}.schedule", "have a step")
    for before, after in itertools.pairwise([0, *steps]):
        if not before < after:
            report.should(f"{path}.schedule", "have steps above 0 that rise", steps)
            break
    for index, each in enumerate(message.schedule):
        _check_low_rate(each, "learning_rate", f"{path}.schedule[{index}]", report)


def _check_cosine(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "learning_rate_base", path, report)
    _check_low_rate(message, "warmup_learning_rate", path, report)
    if message.warmup_steps and message.learning_rate_base < message.warmup_learning_rate:
        rule = f"be at most `learning_rate_base`, {message.learning_rate_base:g}"
        report.should(f"{path}.warmup_learning_rate", rule, message.warmup_learning_rate)
    before = message.warmup_steps + message.hold_base_rate_steps
    if message.total_steps <= before:
        rule = f"be above `warmup_steps` and `hold_base_rate_steps` together, {before}"
        report.should(f"{path}.total_steps", rule, message.total_steps)


def _check_polynomial(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "learning_rate_base", path, report)
    _check_steps(message, "total_steps", path, report)
    _check_rate(message, "power", path, report)
    _check_low_rate(message, "end_learning_rate", path, report)


def _check_transformer(message: Any, path: str, report: Report) -> None:
    _check_rate(message, "learning_rate_base", path, report)
    _check_steps(message, "hidden_size", path, report)
    _check_steps(message, "warmup_steps", path, report)
    _check_rate(message, "step_scaling_rate", path, report)


_KINDS: Mapping[str, Callable[[Any, str, Report], None]] = {
    "constant_learning_rate": _check_constant,
    "exponential_decay_learning_rate": _check_exponential,
    "manual_step_learning_rate": _check_manual,
    "cosine_decay_learning_rate": _check_cosine,
    "poly_decay_learning_rate": _check_polynomial,
    "transformer_learning_rate": _check_transformer,
}
