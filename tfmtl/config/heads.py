"""Kinds of heads: what the logits of a task are, which its losses must agree on."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.views import Tower, tower_losses
from tfmtl.protos import loss_pb2

# In the words that a message has for them.
EVENT = "a binary task"
PROBABILITY = "a regression of a probability"
RANKING = "a ranking"
NUMBER = "a regression"
CLASSES = "classes"
TWO_LOGITS = "a joint ranking and calibration"
VALUE = "a zero-inflated value"
ORDERED = "ordered classes"

# The one logit is an event's, or a number, of which pairs and lists of rows only take the order.
PAIRWISE = (
    loss_pb2.PAIR_WISE_LOSS,
    loss_pb2.PAIRWISE_FOCAL_LOSS,
    loss_pb2.PAIRWISE_LOGISTIC_LOSS,
    loss_pb2.PAIRWISE_HINGE_LOSS,
)
LISTWISE = (loss_pb2.LISTWISE_RANK_LOSS, loss_pb2.LISTWISE_DISTILL_LOSS)
# Those that are of the order of tasks, and make no head.
ORDER = (loss_pb2.ORDER_CALIBRATE_LOSS,)

# The number of classes that a loss needs, where it is one number.
CLASS_COUNTS: Mapping[int, int] = {loss_pb2.JRC_LOSS: 2, loss_pb2.ZILN_LOSS: 3}

_KINDS: Mapping[int, str] = {
    loss_pb2.BINARY_CROSS_ENTROPY_LOSS: EVENT,
    loss_pb2.F1_REWEIGHTED_LOSS: EVENT,
    loss_pb2.BINARY_FOCAL_LOSS: EVENT,
    loss_pb2.SIGMOID_L2_LOSS: PROBABILITY,
    loss_pb2.L2_LOSS: NUMBER,
    loss_pb2.L1_LOSS: NUMBER,
    loss_pb2.HUBER_LOSS: NUMBER,
    loss_pb2.QUANTILE_LOSS: NUMBER,
    loss_pb2.JRC_LOSS: TWO_LOGITS,
    loss_pb2.ZILN_LOSS: VALUE,
    loss_pb2.ORDINAL_LOSS: ORDERED,
    **dict.fromkeys((*PAIRWISE, *LISTWISE), RANKING),
}
# What two kinds are together.
_TOGETHER: Mapping[frozenset[str], str] = {
    frozenset({EVENT, RANKING}): EVENT,
    frozenset({EVENT, PROBABILITY}): EVENT,
    frozenset({EVENT, PROBABILITY, RANKING}): EVENT,
    frozenset({PROBABILITY, RANKING}): EVENT,
    frozenset({NUMBER, RANKING}): NUMBER,
}


def head_kind(tower: Tower) -> str | None:
    """The kind of a tower's head; None if its losses make none, or do not agree on one."""
    kinds = frozenset(
        loss_kind(loss.loss_type, tower.num_class)
        for loss in tower_losses(tower)
        if loss.loss_type not in ORDER
    )
    return next(iter(kinds)) or None if len(kinds) == 1 else _TOGETHER.get(kinds)


def loss_kind(loss_type: int, num_class: int) -> str:
    """The kind of head that a loss alone makes; "" for one that no tower has."""
    if loss_type == loss_pb2.CLASSIFICATION:
        return EVENT if num_class == 1 else CLASSES
    return _KINDS.get(loss_type, "")


def is_made_of(tower: Tower, *loss_types: int) -> bool:
    """Whether one of a tower's losses is of these types."""
    return any(loss.loss_type in loss_types for loss in tower_losses(tower))
