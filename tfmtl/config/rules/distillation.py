"""Rules of `model_config.kd`: a task's prediction, a soft label, and a loss that fits both."""

from __future__ import annotations

from collections.abc import Iterator

from tfmtl.config import heads
from tfmtl.config.known_fields import known_field
from tfmtl.config.learned import learners, taught
from tfmtl.config.problems import Report
from tfmtl.config.rules import spaces
from tfmtl.config.rules.common import check_above, check_at_least, check_name
from tfmtl.config.rules.described import Described
from tfmtl.config.rules.parameters import check_parameters
from tfmtl.config.views import Tower
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import loss_pb2, pipeline_pb2

_ORDERS = (*heads.PAIRWISE, *heads.LISTWISE)
_OF_EVENTS = (
    loss_pb2.CROSS_ENTROPY_LOSS,
    loss_pb2.BINARY_CROSS_ENTROPY_LOSS,
    loss_pb2.CLASSIFICATION,
    loss_pb2.KL_DIVERGENCE_LOSS,
    loss_pb2.L2_LOSS,
    loss_pb2.F1_REWEIGHTED_LOSS,
    loss_pb2.BINARY_FOCAL_LOSS,
    *_ORDERS,
)
_OF_NUMBERS = (loss_pb2.L2_LOSS, *_ORDERS)
# The predictions of each kind of head that has one logit.
_PREDICTIONS = {
    heads.EVENT: ("logits_", "probs_"),
    heads.RANKING: ("logits_", "probs_"),
    heads.PROBABILITY: ("y_",),
    heads.NUMBER: ("y_",),
}


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> bool:
    """Every `kd` has a pupil, a teacher and a loss; gives whether all is well."""
    before = len(report.problems)
    for index, kd in enumerate(pipeline.model_config.kd):
        path, of = f"model_config.kd[{index}]", f"of `{kd.pred_name}`" if kd.pred_name else ""
        it = Described(kd, path, of, pipeline, report)
        _check_numbers(it)
        spaces.check_weights(it)
        spaces.check_column(it)
        if kd.task_space_indicator_name:
            spaces.check_matters(it)
        if kd.soft_label_name not in it.labels:
            it.should_name("soft_label_name", "one of `data_config.label_fields`", it.labels)
        tower = _pupil(it)
        if tower is not None:
            _check_loss(it, tower)
            _check_logits(it, tower)
    return len(report.problems) == before


def _check_numbers(it: Described) -> None:
    check_at_least(it.report, f"{it.path}.loss_weight", it.its.loss_weight, 0, of=it.of)
    check_above(it.report, f"{it.path}.temperature", it.its.temperature, 0, of=it.of)
    if it.its.HasField("loss_name"):
        check_name(it.report, f"{it.path}.loss_name", it.its.loss_name, of=it.of)


def _pupil(it: Described) -> Tower | None:
    """The tower of the task whose prediction learns; None, with a problem, if there is none."""
    tasks, (_, name) = learners(it.pipeline), taught(it.its.pred_name)
    known = [each for task, tower in tasks.items() for each in _predictions(task, tower)]
    if it.its.pred_name in known:
        return tasks[name]
    if name in tasks and not list(_predictions(name, tasks[name])):
        rule = "be of a task with one logit; no task learns from soft labels of several classes"
        it.should("pred_name", rule, it.its.pred_name)
    else:
        it.should_name("pred_name", "a prediction of a task that has a loss of its own", known)
    return None


def _predictions(task: str, tower: Tower) -> Iterator[str]:
    kind = heads.head_kind(tower) or ""
    for prefix in _PREDICTIONS.get(kind, ()):
        yield f"{prefix}{task}"
    if kind == heads.EVENT and heads.is_made_of(tower, loss_pb2.SIGMOID_L2_LOSS):
        yield f"y_{task}"


def _check_loss(it: Described, tower: Tower) -> None:
    """The loss is one that learns from soft labels."""
    allowed = _OF_NUMBERS if heads.head_kind(tower) == heads.NUMBER else _OF_EVENTS
    name = loss_pb2.LossType.Name(it.its.loss_type)
    if not it.its.HasField("loss_type"):
        it.should("loss_type", "name a loss")
    elif known_field("tfmtl.LossType", name):
        return  # Told already.
    elif it.its.loss_type not in allowed:
        names = one_of(loss_pb2.LossType.Name(each) for each in allowed)
        it.should("loss_type", f"be {names} here", Word(name))
    else:
        check_parameters(it)
        _check_parameter_of_label(it)


def _check_parameter_of_label(it: Described) -> None:
    """Whether the label is a logit is said here, and not in the loss's own parameters."""
    field = it.its.WhichOneof("loss_param")
    its = getattr(it.its, field) if field else None
    if its is None or "label_is_logits" not in its.DESCRIPTOR.fields_by_name:
        return
    if its.HasField("label_is_logits") and not its.label_is_logits:
        rule = f"be left out; `{it.path}.label_is_logits` says it"
        it.should(f"{field}.label_is_logits", rule, False)


def _check_logits(it: Described, tower: Tower) -> None:
    """What is said to be a logit or a probability is one."""
    name, is_number = it.its.pred_name, heads.head_kind(tower) == heads.NUMBER
    is_logit = is_number or name.startswith("logits_")
    if it.its.pred_is_logits != is_logit:
        what = "a logit" if is_logit else "a probability"
        what = "a number and no probability" if is_number else what
        rule = f"be {str(is_logit).lower()}, because `{name}` is {what}"
        it.should("pred_is_logits", rule, it.its.pred_is_logits)
    is_rank = it.its.loss_type == loss_pb2.LISTWISE_DISTILL_LOSS
    if (is_number or is_rank) and not it.its.label_is_logits:
        what = "a rank" if is_rank else f"a number, as `{name}` is"
        it.should("label_is_logits", f"be true, because the soft label is {what}", False)
