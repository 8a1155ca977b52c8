"""Losses, computed from logits: of rows, of pairs of rows, and of lists of rows."""

from tfmtl.tasks.losses.jrc import JRCLoss
from tfmtl.tasks.losses.lists import ListwiseLoss
from tfmtl.tasks.losses.ordinal import ordinal_cross_entropy
from tfmtl.tasks.losses.pairs import PairwiseLoss, focal, hinge, logistic
from tfmtl.tasks.losses.reweighted import F1ReweightedLoss, FocalLoss
from tfmtl.tasks.losses.rows import (
    absolute_error,
    huber_error,
    quantile_error,
    sigmoid_cross_entropy,
    sigmoid_divergence,
    sigmoid_squared_error,
    softmax_cross_entropy,
    squared_error,
)
from tfmtl.tasks.losses.sessions import Sessions
from tfmtl.tasks.losses.ziln import ZILNLoss

__all__ = [
    "F1ReweightedLoss",
    "FocalLoss",
    "JRCLoss",
    "ListwiseLoss",
    "PairwiseLoss",
    "Sessions",
    "ZILNLoss",
    "absolute_error",
    "focal",
    "hinge",
    "huber_error",
    "logistic",
    "ordinal_cross_entropy",
    "quantile_error",
    "sigmoid_cross_entropy",
    "sigmoid_divergence",
    "sigmoid_squared_error",
    "softmax_cross_entropy",
    "squared_error",
]
