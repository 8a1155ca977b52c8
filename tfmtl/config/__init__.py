"""The config of a pipeline: loading, overriding, checking, saving, and what it says."""

from tfmtl.config.calibrations import calibratable_tasks, calibrations, class_tasks
from tfmtl.config.column_functions import COLUMN_FUNCTIONS, column_function
from tfmtl.config.expansion import expand
from tfmtl.config.files import SAVED, aside, save, to_text, write_text
from tfmtl.config.loading import TO_EVALUATE, TO_TRAIN, load, load_text, validate
from tfmtl.config.metric_names import (
    best_metric,
    bigger_is_better,
    head_metrics,
    is_bigger_better,
    judgements,
    metric_and_place,
    own_metrics,
    result_named,
    result_names,
)
from tfmtl.config.overrides import override
from tfmtl.config.rules.paths import CALIBRATION, EVALUATION
from tfmtl.config.sides import user_columns
from tfmtl.config.stacks import vector_groups
from tfmtl.config.statistics import fitted
from tfmtl.config.views import (
    architecture,
    column_of,
    eval_files,
    feature_name,
    features,
    group_features,
    group_reads,
    is_made_up,
    read_features,
    slice_columns,
    target_columns,
    towers,
    train_files,
)

__all__ = [
    "CALIBRATION",
    "COLUMN_FUNCTIONS",
    "EVALUATION",
    "SAVED",
    "TO_EVALUATE",
    "TO_TRAIN",
    "architecture",
    "aside",
    "best_metric",
    "bigger_is_better",
    "calibratable_tasks",
    "calibrations",
    "class_tasks",
    "column_function",
    "column_of",
    "eval_files",
    "expand",
    "feature_name",
    "features",
    "fitted",
    "group_features",
    "group_reads",
    "head_metrics",
    "is_bigger_better",
    "is_made_up",
    "judgements",
    "load",
    "load_text",
    "metric_and_place",
    "override",
    "own_metrics",
    "read_features",
    "result_named",
    "result_names",
    "save",
    "slice_columns",
    "target_columns",
    "to_text",
    "towers",
    "train_files",
    "user_columns",
    "validate",
    "vector_groups",
    "write_text",
]
