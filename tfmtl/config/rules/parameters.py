"""Rules of the parameters of losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tfmtl.config.rules.common import check_above, check_at_least, check_share
from tfmtl.config.rules.described import Described
from tfmtl.config.views import column_named, columns_by_name
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import loss_pb2

# The field of `loss_param` that belongs to a loss.
_FIELDS: Mapping[int, str] = {
    loss_pb2.F1_REWEIGHTED_LOSS: "f1_reweighted_loss",
    loss_pb2.BINARY_FOCAL_LOSS: "binary_focal_loss",
    loss_pb2.PAIR_WISE_LOSS: "pairwise_loss",
    loss_pb2.PAIRWISE_FOCAL_LOSS: "pairwise_focal_loss",
    loss_pb2.PAIRWISE_LOGISTIC_LOSS: "pairwise_logistic_loss",
    loss_pb2.PAIRWISE_HINGE_LOSS: "pairwise_hinge_loss",
    loss_pb2.JRC_LOSS: "jrc_loss",
    loss_pb2.LISTWISE_RANK_LOSS: "listwise_rank_loss",
    loss_pb2.LISTWISE_DISTILL_LOSS: "listwise_distill_loss",
    loss_pb2.ZILN_LOSS: "ziln_loss",
    loss_pb2.HUBER_LOSS: "huber_loss",
    loss_pb2.QUANTILE_LOSS: "quantile_loss",
}
_STRATEGIES = ("fixed", "random_uniform", "random_normal", "random_bernoulli", "uncertainty")


def check_parameters(it: Described) -> None:
    """The parameters of a message with `loss_type` and `loss_param` belong there and make sense."""
    field = it.its.WhichOneof("loss_param")
    if field is None:
        return
    if field != _FIELDS.get(it.its.loss_type):
        name = loss_pb2.LossType.Name(it.its.loss_type)
        it.should(field, f"be left out, because `loss_type` is {name}", Word(field))
        return
    part = it.part(field, getattr(it.its, field))
    for parameter in part.its.DESCRIPTOR.fields_by_name:
        if parameter in _RULES:
            _RULES[parameter](part, parameter)


def _above_zero(it: Described, field: str) -> None:
    check_above(it.report, f"{it.path}.{field}", getattr(it.its, field), 0, of=it.of)


def _not_negative(it: Described, field: str) -> None:
    check_at_least(it.report, f"{it.path}.{field}", getattr(it.its, field), 0, of=it.of)


def _at_least_one(it: Described, field: str) -> None:
    check_at_least(it.report, f"{it.path}.{field}", getattr(it.its, field), 1, of=it.of)


def _finite(it: Described, field: str) -> None:
    value = getattr(it.its, field)
    if not math.isfinite(value):
        it.should(field, "be a finite number", value)


def _share(it: Described, field: str) -> None:
    check_share(it.report, f"{it.path}.{field}", getattr(it.its, field), of=it.of)


def _kept(it: Described, field: str) -> None:
    value = getattr(it.its, field)
    if not 0 < value <= 1:
        it.should(field, "be above 0 and at most 1", value)


def _part_of_whole(it: Described, field: str) -> None:
    value = getattr(it.its, field)
    if it.its.HasField(field) and not 0 <= value <= 1:
        it.should(field, "be at least 0 and at most 1", value)


def _between(it: Described, field: str) -> None:
    value = getattr(it.its, field)
    if not 0 < value < 1:
        it.should(field, "be above 0 and below 1", value)


def _session(it: Described, field: str) -> None:
    name = getattr(it.its, field)
    if name and column_named(it.pipeline, name) is None:
        it.should_name(field, "a column or a feature", columns_by_name(it.pipeline))


def _strategy(it: Described, field: str) -> None:
    value = getattr(it.its, field)
    if value not in _STRATEGIES:
        it.should(field, f"be {one_of(_STRATEGIES)}", value)


_RULES: Mapping[str, Callable[[Described, str], None]] = {
    "f1_beta_square": _above_zero,
    "label_smoothing": _share,
    "gamma": _not_negative,
    "alpha": _part_of_whole,
    "ohem_ratio": _kept,
    "margin": _finite,
    "hinge_margin": _finite,
    "session_name": _session,
    "temperature": _above_zero,
    "loss_weight_strategy": _strategy,
    "label_clip_max_value": _at_least_one,
    "mu_regularization": _not_negative,
    "sigma_regularization": _not_negative,
    "max_log_clip_value": _finite,
    "max_sigma": _above_zero,
    "classification_weight": _not_negative,
    "regression_weight": _not_negative,
    "delta": _above_zero,
    "quantile": _between,
}
