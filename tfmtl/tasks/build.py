"""From the messages of a config to tasks.

The files `build*.py` are the only ones of this room that read protos.
"""

from __future__ import annotations

from typing import Any

from tfmtl.config.views import Tower
from tfmtl.errors import ConfigError
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks.build_heads import build_head
from tfmtl.tasks.build_losses import build_terms
from tfmtl.tasks.build_space import build_factors, build_label
from tfmtl.tasks.heads import Head
from tfmtl.tasks.space import SampleSpace
from tfmtl.tasks.task import Task


def build_metrics(tower: Tower, head: Head) -> dict[str, dict[str, Any]] | None:
    """The parameters of the metrics in a tower's `metrics_set`, by name; None if it is empty."""
    metrics: dict[str, dict[str, Any]] = {}
    for message in tower.metrics_set:
        name = message.WhichOneof("metric")
        _check_metric(name, tower, head, metrics)
        metrics[name] = _parameters(getattr(message, name))
    return metrics or None


def build_task(tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Task:
    """The task of a tower whose label, space, loss and metrics are its own."""
    head = build_head(tower)
    return Task(
        tower.tower_name,
        head,
        SampleSpace(build_label(tower), build_factors(tower, pipeline)),
        weight=tower.weight,
        metrics=build_metrics(tower, head),
        terms=build_terms(tower.tower_name, tower, pipeline),
    )


def _check_metric(name: str, tower: Tower, head: Head, seen: dict[str, Any]) -> None:
    if name not in head.metrics:
        rule = f"should be one of {', '.join(head.metrics)}"
    elif name in seen:
        rule = "should name a metric once"
    else:
        return
    raise ConfigError([f"`metrics_set` of task `{tower.tower_name}` {rule}. Received: {name}."])


def _parameters(message: Any) -> dict[str, Any]:
    """A message's fields as keyword arguments, with the defaults of its proto."""
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
