"""From a tower's message to its head."""

from __future__ import annotations

from collections.abc import Callable

from tfmtl.config import heads as kinds
from tfmtl.config.views import Tower, tower_losses
from tfmtl.errors import ConfigError
from tfmtl.protos import loss_pb2
from tfmtl.tasks.composed_heads import OrdinalHead, TwoLogitsHead, ValueHead
from tfmtl.tasks.heads import (
    BinaryHead,
    Head,
    MultiClassHead,
    ProbabilityHead,
    RankingHead,
    RegressionHead,
)


def build_head(tower: Tower) -> Head:
    """The head that a tower's losses agree on."""
    kind = kinds.head_kind(tower)
    if kind not in _HEADS:
        names = ", ".join(loss_pb2.LossType.Name(each.loss_type) for each in tower_losses(tower))
        rule = "should be losses of the same logits"
        raise ConfigError([f"Losses of task `{tower.tower_name}` {rule}. Received: {names}."])
    return _HEADS[kind](tower)


def _binary(tower: Tower) -> Head:
    return BinaryHead(serves_value=kinds.is_made_of(tower, loss_pb2.SIGMOID_L2_LOSS))


def _regression(tower: Tower) -> Head:
    return RegressionHead(ranks=kinds.is_made_of(tower, *kinds.PAIRWISE, *kinds.LISTWISE))


def _value(tower: Tower) -> Head:
    """Served as the first of the losses says; all the same, they learn the same logits."""
    its = tower_losses(tower)[0].ziln_loss
    return ValueHead(its.max_sigma, its.max_log_clip_value, its.return_log_pred_value)


_HEADS: dict[str | None, Callable[[Tower], Head]] = {
    kinds.EVENT: _binary,
    kinds.PROBABILITY: lambda tower: ProbabilityHead(),
    kinds.RANKING: lambda tower: RankingHead(),
    kinds.NUMBER: _regression,
    kinds.CLASSES: lambda tower: MultiClassHead(tower.num_class),
    kinds.TWO_LOGITS: lambda tower: TwoLogitsHead(),
    kinds.VALUE: _value,
    kinds.ORDERED: lambda tower: OrdinalHead(tower.num_class),
}
