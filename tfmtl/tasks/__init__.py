"""Tasks: what is predicted, learned and measured, each in its own sample space."""

from tfmtl.tasks.build import (
    build_calibrators,
    build_factors,
    build_head,
    build_label,
    build_metrics,
    build_task,
)
from tfmtl.tasks.heads import BinaryHead, Head, MultiClassHead, RegressionHead
from tfmtl.tasks.space import (
    AnyLabel,
    ComplementLabel,
    Label,
    LabelIndicator,
    ProductLabel,
    SampleSpace,
    UnknownLabel,
)
from tfmtl.tasks.task import Task

__all__ = [
    "AnyLabel",
    "BinaryHead",
    "ComplementLabel",
    "Head",
    "Label",
    "LabelIndicator",
    "MultiClassHead",
    "ProductLabel",
    "RegressionHead",
    "SampleSpace",
    "Task",
    "UnknownLabel",
    "build_calibrators",
    "build_factors",
    "build_head",
    "build_label",
    "build_metrics",
    "build_task",
]
