"""Training: the model in training, its optimizers, the loop, checkpoints, evaluation."""

from tfmtl.training.calibration import calibrated_tasks
from tfmtl.training.checkpoints import resolve_checkpoint, restore_weights
from tfmtl.training.conversion import Conversion, convert
from tfmtl.training.lazy_adam import LazyAdam, LazyAdamW
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.optimizers import build_optimizers
from tfmtl.training.run import Evaluation, Training, evaluate, train

__all__ = [
    "Conversion",
    "Evaluation",
    "LazyAdam",
    "LazyAdamW",
    "MultiTaskModel",
    "Training",
    "build_optimizers",
    "calibrated_tasks",
    "convert",
    "evaluate",
    "resolve_checkpoint",
    "restore_weights",
    "train",
]
