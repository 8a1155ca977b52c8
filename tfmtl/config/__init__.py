"""The config of a pipeline: loading, overriding, checking, saving, and what it says."""

from tfmtl.config.calibrations import calibratable_tasks, calibrations
from tfmtl.config.files import save
from tfmtl.config.loading import TO_EVALUATE, TO_TRAIN, load, load_text, validate
from tfmtl.config.metric_names import best_metric, head_metrics, result_names
from tfmtl.config.overrides import override
from tfmtl.config.rules.paths import CALIBRATION, EVALUATION
from tfmtl.config.stacks import vector_groups
from tfmtl.config.views import (
    architecture,
    feature_name,
    features,
    group_features,
    target_columns,
    towers,
)

__all__ = [
    "CALIBRATION",
    "EVALUATION",
    "TO_EVALUATE",
    "TO_TRAIN",
    "architecture",
    "best_metric",
    "calibratable_tasks",
    "calibrations",
    "feature_name",
    "features",
    "group_features",
    "head_metrics",
    "load",
    "load_text",
    "override",
    "result_names",
    "save",
    "target_columns",
    "towers",
    "validate",
    "vector_groups",
]
