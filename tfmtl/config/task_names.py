"""The tasks of a config: its towers, and what an architecture or a funnel makes of them."""

from __future__ import annotations

from tfmtl.config.funnels import funnel_of
from tfmtl.config.heads import CLASSES, ORDERED, head_kind
from tfmtl.config.metric_names import head_metrics
from tfmtl.config.views import (
    DIVISION_CLIPPED,
    DIVISION_RATIO,
    ESMM_PRODUCT,
    Tower,
    architecture,
    towers,
)
from tfmtl.protos import pipeline_pb2


def task_classes(pipeline: pipeline_pb2.Pipeline) -> dict[str, int]:
    """The number of classes of each task by name; 1 for one probability or value."""
    classes = {tower.tower_name: _classes(tower) for tower in towers(pipeline)}
    name, funnel = architecture(pipeline), funnel_of(pipeline)
    if name == "esmm":
        return {**classes, ESMM_PRODUCT: 1}
    if name == "division":
        return {**classes, DIVISION_RATIO: 1, DIVISION_CLIPPED: 1}
    return classes if funnel is None else {**classes, **dict.fromkeys(funnel.marginals, 1)}


def _classes(tower: Tower) -> int:
    """Of a tower; one with several logits may have one output all the same."""
    return tower.num_class if head_kind(tower) in (CLASSES, ORDERED) else 1


def probability_tasks(pipeline: pipeline_pb2.Pipeline) -> set[str]:
    """The tasks of one class that predict a probability and not a value."""
    # Who has a logloss has a probability.
    values = [each.tower_name for each in towers(pipeline) if "logloss" not in head_metrics(each)]
    if values and architecture(pipeline) == "esmm":
        values.append(ESMM_PRODUCT)
    one = {name for name, classes in task_classes(pipeline).items() if classes == 1}
    return one.difference(values)
