"""Tasks: what is predicted, learned and measured, each in its own sample space."""

from tfmtl.tasks.build import build_factors, build_head, build_label, build_metrics, build_task
from tfmtl.tasks.heads import BinaryHead, Head, MultiClassHead, RegressionHead
from tfmtl.tasks.space import (
    ComplementLabel,
    Label,
    LabelIndicator,
    ProductLabel,
    SampleSpace,
    SumLabel,
    UnknownLabel,
)
from tfmtl.tasks.task import Task

__all__ = [
    "BinaryHead",
    "ComplementLabel",
    "Head",
    "Label",
    "LabelIndicator",
    "MultiClassHead",
    "ProductLabel",
    "RegressionHead",
    "SampleSpace",
    "SumLabel",
    "Task",
    "UnknownLabel",
    "build_factors",
    "build_head",
    "build_label",
    "build_metrics",
    "build_task",
]
