"""From the messages of losses to the terms of a task's loss."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfmtl.config import heads as kinds
from tfmtl.config.learned import teachings, term_names, terms_of
from tfmtl.config.views import Tower
from tfmtl.errors import ConfigError
from tfmtl.protos import loss_pb2, model_pb2, pipeline_pb2
from tfmtl.tasks import losses
from tfmtl.tasks.build_space import build_field, build_indicator
from tfmtl.tasks.losses import distilled, jrc, lists
from tfmtl.tasks.space import ColumnLabel, SampleSpace
from tfmtl.tasks.terms import Loss, RowLoss, Term, one_logit_loss

# Either has the oneof `loss_param`.
Message = loss_pb2.Loss | model_pb2.KD


def build_terms(task: str, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> list[Term]:
    """The terms of a task's loss.

    Args:
        task: The task, whose name may be another than the tower's.
        tower: The tower whose losses it has.
        pipeline: The config.
    """
    names = term_names(task, tower, pipeline)
    own = [
        Term(
            name,
            _named(name, build_loss, each, tower, pipeline),
            each.weight,
            each.learn_loss_weight,
        )
        for name, each in zip(names.losses, terms_of(tower), strict=True)
    ]
    taught = [
        Term(name, _named(name, _distilled, each, tower, pipeline), each.loss_weight)
        for name, each in zip(names.distilled, teachings(task, pipeline), strict=True)
    ]
    return [*own, *taught]


def _named(name: str, build: Callable[..., Loss], *how: Any) -> Loss:
    """Builds a loss whose variables are called `loss_<name>/…` in checkpoints."""
    with tf.name_scope(f"loss_{name}"):
        return build(*how)


def build_loss(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    """The loss of a message, as its `loss_type` and its parameters say.

    Args:
        message: The message.
        tower: The tower whose logits it is of.
        pipeline: The config.
    """
    if message.loss_type not in _LOSSES:
        known = ", ".join(loss_pb2.LossType.Name(each) for each in _LOSSES)
        name = loss_pb2.LossType.Name(message.loss_type)
        rule = f"should be one of {known}"
        raise ConfigError([f"`loss_type` of task `{tower.tower_name}` {rule}. Received: {name}."])
    return _LOSSES[message.loss_type](message, tower, pipeline)


def _rows(
    rows: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], is_squared: bool = False
) -> Callable[..., Loss]:
    """Makes a loss of rows that has no parameters and reads the only logit."""
    loss = one_logit_loss(rows, is_squared)
    return lambda message, tower, pipeline: loss


def _classification(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    if tower.num_class > 1:
        return RowLoss(losses.softmax_cross_entropy)
    return one_logit_loss(losses.sigmoid_cross_entropy)


def _huber(message: loss_pb2.Loss, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    delta = message.huber_loss.delta
    return one_logit_loss(functools.partial(losses.huber_error, delta=delta))


def _quantile(message: loss_pb2.Loss, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    quantile = message.quantile_loss.quantile
    return one_logit_loss(functools.partial(losses.quantile_error, quantile=quantile))


def _f1(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.f1_reweighted_loss
    return losses.F1ReweightedLoss(its.f1_beta_square, its.label_smoothing)


def _focal(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.binary_focal_loss
    return losses.FocalLoss(its.gamma, _given(its, "alpha"), its.ohem_ratio, its.label_smoothing)


def _pair_wise(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.pairwise_loss
    return losses.PairwiseLoss(
        losses.logistic(its.margin), _sessions(its, tower, pipeline), its.temperature
    )


def _pairwise_focal(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.pairwise_focal_loss
    return losses.PairwiseLoss(
        losses.focal(its.gamma, _given(its, "alpha")),
        _sessions(its, tower, pipeline),
        its.temperature,
        its.ohem_ratio,
        dropped_from=_given(its, "hinge_margin"),
    )


def _pairwise_logistic(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.pairwise_logistic_loss
    margin = None if its.use_label_margin else its.hinge_margin
    return losses.PairwiseLoss(
        losses.logistic(margin), _sessions(its, tower, pipeline), its.temperature, its.ohem_ratio
    )


def _pairwise_hinge(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.pairwise_hinge_loss
    margin = None if its.use_label_margin else its.margin
    label_scale = 1.0 / its.temperature if its.label_is_logits else 1.0
    return losses.PairwiseLoss(
        losses.hinge(margin, label_scale),
        _sessions(its, tower, pipeline),
        its.temperature,
        its.ohem_ratio,
    )


def _listwise_rank(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.listwise_rank_loss
    # Of a teacher, the message `KD` says it.
    are_logits = its.label_is_logits or isinstance(message, model_pb2.KD)
    relevance = lists.label_softmax(its.temperature) if are_logits else lists.label_itself
    return _listwise(relevance, its, tower, pipeline)


def _listwise_distill(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.listwise_distill_loss
    relevance = lists.rank_gain(its.label_clip_max_value)
    return _listwise(relevance, its, tower, pipeline)


def _listwise(
    relevance: lists.Relevance, its: Any, tower: Tower, pipeline: pipeline_pb2.Pipeline
) -> Loss:
    sessions = _sessions(its, tower, pipeline)
    return losses.ListwiseLoss(relevance, sessions, its.temperature, its.scale_logits)


def _jrc(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.jrc_loss
    balance = _BALANCES[its.loss_weight_strategy](its.alpha)
    return losses.JRCLoss(_sessions(its, tower, pipeline), balance, its.same_label_loss)


def _ziln(message: loss_pb2.Loss, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    its = message.ziln_loss
    return losses.ZILNLoss(
        its.max_sigma,
        its.classification_weight,
        its.regression_weight,
        its.mu_regularization,
        its.sigma_regularization,
    )


def _ordinal(message: Message, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    return RowLoss(losses.ordinal_cross_entropy)


# By alpha.
_BALANCES: Mapping[str, Callable[[float], jrc.Balance]] = {
    "fixed": jrc.fixed,
    "random_uniform": lambda alpha: jrc.weighed(jrc.random_uniform),
    "random_normal": lambda alpha: jrc.weighed(jrc.random_normal),
    "random_bernoulli": lambda alpha: jrc.weighed(jrc.random_bernoulli),
    "uncertainty": lambda alpha: jrc.LearnedBalance(),
}
_LOSSES: Mapping[int, Callable[..., Loss]] = {
    loss_pb2.CLASSIFICATION: _classification,
    loss_pb2.L2_LOSS: _rows(losses.squared_error, is_squared=True),
    loss_pb2.SIGMOID_L2_LOSS: _rows(losses.sigmoid_squared_error, is_squared=True),
    loss_pb2.CROSS_ENTROPY_LOSS: _rows(losses.sigmoid_cross_entropy),
    loss_pb2.BINARY_CROSS_ENTROPY_LOSS: _rows(losses.sigmoid_cross_entropy),
    loss_pb2.KL_DIVERGENCE_LOSS: _rows(losses.sigmoid_divergence),
    loss_pb2.L1_LOSS: _rows(losses.absolute_error),
    loss_pb2.HUBER_LOSS: _huber,
    loss_pb2.QUANTILE_LOSS: _quantile,
    loss_pb2.F1_REWEIGHTED_LOSS: _f1,
    loss_pb2.BINARY_FOCAL_LOSS: _focal,
    loss_pb2.PAIR_WISE_LOSS: _pair_wise,
    loss_pb2.PAIRWISE_FOCAL_LOSS: _pairwise_focal,
    loss_pb2.PAIRWISE_LOGISTIC_LOSS: _pairwise_logistic,
    loss_pb2.PAIRWISE_HINGE_LOSS: _pairwise_hinge,
    loss_pb2.LISTWISE_RANK_LOSS: _listwise_rank,
    loss_pb2.LISTWISE_DISTILL_LOSS: _listwise_distill,
    loss_pb2.JRC_LOSS: _jrc,
    loss_pb2.ZILN_LOSS: _ziln,
    loss_pb2.ORDINAL_LOSS: _ordinal,
}


def _distilled(kd: model_pb2.KD, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Loss:
    """A loss against the teacher's prediction, in rows of its own."""
    factors = [build_indicator(kd, f"kd `{kd.pred_name}`", pipeline)]
    space = SampleSpace(
        ColumnLabel(kd.soft_label_name), [each for each in factors if each is not None]
    )
    return distilled.DistilledLoss(
        build_loss(kd, tower, pipeline),
        space,
        _reading(kd, tower),
        is_probability=not kd.label_is_logits,
        temperature=kd.temperature,
    )


def _reading(kd: model_pb2.KD, tower: Tower) -> distilled.Reading:
    """What the loss learns of the soft label: a rank, a number, a logit or a probability."""
    is_order = kd.loss_type in (*kinds.PAIRWISE, *kinds.LISTWISE)
    if kd.loss_type == loss_pb2.LISTWISE_DISTILL_LOSS:
        return distilled.as_it_is
    if is_order or kd.loss_type == loss_pb2.L2_LOSS:
        return distilled.logit(kd.label_is_logits, kd.temperature)
    return distilled.probability(kd.label_is_logits, kd.temperature)


def _sessions(its: Any, tower: Tower, pipeline: pipeline_pb2.Pipeline) -> losses.Sessions:
    """The sessions of a message with a `session_name`, which may be a feature's name."""
    if not its.session_name:
        return losses.Sessions()
    asked_by = f"`session_name` of task `{tower.tower_name}`"
    return losses.Sessions(build_field(its.session_name, asked_by, pipeline).input_name)


def _given(its: Any, field: str) -> float | None:
    """A field's value; None if it is not given."""
    return getattr(its, field) if its.HasField(field) else None
