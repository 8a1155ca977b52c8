"""Training: the model in training, its optimizers, the loop, checkpoints, evaluation."""

from tfmtl.training.as_trained import check_as_trained
from tfmtl.training.calibration import calibrated_tasks
from tfmtl.training.checkpoints import resolve_checkpoint, restore_weights
from tfmtl.training.conversion import Conversion, convert
from tfmtl.training.lazy_adam import LazyAdam, LazyAdamW
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.optimizers import build_optimizers
from tfmtl.training.rounds import recorded_results
from tfmtl.training.run import Evaluation, Training, evaluate, train
from tfmtl.training.statistics import collect_statistics
from tfmtl.training.statistics_table import statistics_table

__all__ = [
    "Conversion",
    "Evaluation",
    "LazyAdam",
    "LazyAdamW",
    "MultiTaskModel",
    "Training",
    "build_optimizers",
    "calibrated_tasks",
    "check_as_trained",
    "collect_statistics",
    "convert",
    "evaluate",
    "recorded_results",
    "resolve_checkpoint",
    "restore_weights",
    "statistics_table",
    "train",
]
