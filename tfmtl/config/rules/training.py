"""Rules of `train_config`: how long, how often, and with which optimizers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tfmtl.config.dead_line import parse_dead_line
from tfmtl.config.known_fields import known_field
from tfmtl.config.problems import Report
from tfmtl.config.rules import schedules
from tfmtl.config.rules.common import (
    Rule,
    check_above,
    check_at_least,
    check_fields,
    check_not_negative,
    check_positive,
    check_share,
)
from tfmtl.config.support import built_fields
from tfmtl.config.wording import one_of
from tfmtl.protos import optimizer_pb2, pipeline_pb2, train_pb2

_PATH = "train_config"


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Training ends, saves at one kind of interval, and has one optimizer or two."""
    train = pipeline.train_config
    if not train.num_steps and not pipeline.data_config.num_epochs:
        rule = "be at least 1, or `data_config.num_epochs` should"
        report.should(f"{_PATH}.num_steps", rule, train.num_steps)
    _check_intervals(train, report)
    check_at_least(report, f"{_PATH}.gradient_clipping_by_norm", train.gradient_clipping_by_norm, 0)
    _check_warm_start(pipeline, report)
    _check_frozen(train, report)
    if train.dead_line and parse_dead_line(train.dead_line) is None:
        rule = 'be a time, such as "20261231 23:59:59", or seconds since 1970'
        report.should(f"{_PATH}.dead_line", rule, train.dead_line)
    for name in ("inter_op_parallelism_threads", "intra_op_parallelism_threads"):
        check_at_least(report, f"{_PATH}.{name}", getattr(train, name), 0)
    if not 1 <= len(train.optimizer_config) <= 2:
        rule = "be one optimizer, or two, of which the first is for the embeddings"
        report.should(f"{_PATH}.optimizer_config", rule, len(train.optimizer_config) or None)
    for index, optimizer in enumerate(train.optimizer_config):
        path = f"{_PATH}.optimizer_config[{index}]"
        _check_optimizer(optimizer, path, report)
        _check_multiplier(optimizer, index, f"{path}.embedding_learning_rate_multiplier", report)


def _check_intervals(train: train_pb2.TrainConfig, report: Report) -> None:
    steps, seconds = "save_checkpoints_steps", "save_checkpoints_secs"
    for name in (steps, seconds):
        if train.HasField(name):
            check_at_least(report, f"{_PATH}.{name}", getattr(train, name), 1)
    if train.HasField(steps) and train.HasField(seconds):
        rule = f"not be given together with `{steps}`"
        report.should(f"{_PATH}.{seconds}", rule, getattr(train, seconds))
    check_at_least(report, f"{_PATH}.log_step_count_steps", train.log_step_count_steps, 1)


def _check_warm_start(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """What says how to start from a checkpoint has one to start from."""
    train = pipeline.train_config
    if train.fine_tune_checkpoint:
        return
    given = {
        f"{_PATH}.fine_tune_ckpt_var_map": train.fine_tune_ckpt_var_map,
        f"{_PATH}.force_restore_shape_compatible": train.force_restore_shape_compatible,
        "model_config.restore_filters": pipeline.model_config.restore_filters,
    }
    for path, value in given.items():
        if value:
            report.warn(path, f"has no effect without `{_PATH}.fine_tune_checkpoint`")


def _check_frozen(train: train_pb2.TrainConfig, report: Report) -> None:
    for index, pattern in enumerate(train.freeze_gradient):
        try:
            re.compile(pattern)
        except re.error as error:
            path = f"{_PATH}.freeze_gradient[{index}]"
            report.should(path, f"be a regular expression ({error})", pattern)


def _check_multiplier(
    optimizer: optimizer_pb2.Optimizer, index: int, path: str, report: Report
) -> None:
    """The first optimizer, that of the embeddings, may have one."""
    if not optimizer.HasField("embedding_learning_rate_multiplier"):
        return
    factor = optimizer.embedding_learning_rate_multiplier
    if index:
        report.should(path, "be given to the first optimizer, which is the embeddings'", factor)
    else:
        check_above(report, path, factor, 0)


def _check_optimizer(optimizer: optimizer_pb2.Optimizer, path: str, report: Report) -> None:
    name = optimizer.WhichOneof("optimizer")
    owner = optimizer.DESCRIPTOR
    if name is None:
        built = built_fields(owner)
        kinds = [each.name for each in owner.oneofs_by_name["optimizer"].fields]
        report.should(path, f"have one of {one_of(each for each in kinds if each in built)}")
        return
    if known_field(owner.full_name, name):
        return  # Told already.
    message = getattr(optimizer, name)
    check_fields(report, f"{path}.{name}", message, _RULES)
    schedules.check(message.learning_rate, f"{path}.{name}.learning_rate", report)
    if optimizer.update_idle_rows and name == "lazy_adam_optimizer":
        wanted = "be false with `lazy_adam_optimizer`, which leaves idle rows alone"
        report.should(f"{path}.update_idle_rows", wanted, optimizer.update_idle_rows)


def _check_not_positive(report: Report, path: str, value: float, *, of: str = "") -> None:
    if not value <= 0:
        report.should(path, "be at most 0", value, of=of)


# Whatever the optimizer, a parameter of the same name obeys the same rule.
_RULES: Mapping[str, Rule] = {
    "beta1": check_share,
    "beta2": check_share,
    "epsilon": check_positive,
    "weight_decay": check_not_negative,
    "momentum_optimizer_value": check_share,
    "decay": check_share,
    "initial_accumulator_value": check_not_negative,
    "learning_rate_power": _check_not_positive,
    "l1_reg": check_not_negative,
    "l2_reg": check_not_negative,
    "l2_shrinkage_reg": check_not_negative,
}
