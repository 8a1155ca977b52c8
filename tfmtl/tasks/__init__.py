"""Tasks: what is predicted, learned and measured, each in its own sample space."""

from tfmtl.tasks.build import build_factors, build_head, build_label, build_metrics, build_task
from tfmtl.tasks.heads import BinaryHead, Head, MultiClassHead, RegressionHead
from tfmtl.tasks.space import LabelIndicator, ProductLabel, SampleSpace
from tfmtl.tasks.task import Task

__all__ = [
    "BinaryHead",
    "Head",
    "LabelIndicator",
    "MultiClassHead",
    "ProductLabel",
    "RegressionHead",
    "SampleSpace",
    "Task",
    "build_factors",
    "build_head",
    "build_label",
    "build_metrics",
    "build_task",
]
