"""Tasks: what is predicted, learned and measured, each in its own sample space."""

from tfmtl.tasks.build import (
    build_calibrators,
    build_factors,
    build_head,
    build_judges,
    build_label,
    build_metrics,
    build_score,
    build_task,
)
from tfmtl.tasks.delta import delta_m
from tfmtl.tasks.heads import BinaryHead, Head, MultiClassHead, RegressionHead
from tfmtl.tasks.judge import Judge
from tfmtl.tasks.score import Score, answers_of
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
    "Judge",
    "Label",
    "LabelIndicator",
    "MultiClassHead",
    "ProductLabel",
    "RegressionHead",
    "SampleSpace",
    "Score",
    "Task",
    "UnknownLabel",
    "answers_of",
    "build_calibrators",
    "build_factors",
    "build_head",
    "build_judges",
    "build_label",
    "build_metrics",
    "build_score",
    "build_task",
    "delta_m",
]
