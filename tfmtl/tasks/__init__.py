"""Tasks: what is predicted, learned and measured, each in its own sample space."""

from tfmtl.tasks.build import (
    build_calibrators,
    build_judges,
    build_metrics,
    build_score,
    build_task,
)
from tfmtl.tasks.build_heads import build_head
from tfmtl.tasks.build_losses import build_terms
from tfmtl.tasks.build_space import build_factors, build_label
from tfmtl.tasks.composed_heads import OrdinalHead, TwoLogitsHead, ValueHead
from tfmtl.tasks.delta import delta_m
from tfmtl.tasks.heads import (
    BinaryHead,
    Head,
    MultiClassHead,
    ProbabilityHead,
    RankingHead,
    RegressionHead,
)
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
    "OrdinalHead",
    "ProbabilityHead",
    "ProductLabel",
    "RankingHead",
    "RegressionHead",
    "SampleSpace",
    "Score",
    "Task",
    "TwoLogitsHead",
    "UnknownLabel",
    "ValueHead",
    "answers_of",
    "build_calibrators",
    "build_factors",
    "build_head",
    "build_judges",
    "build_label",
    "build_metrics",
    "build_score",
    "build_task",
    "build_terms",
    "delta_m",
]
