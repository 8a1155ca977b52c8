"""Rules of how the tasks' losses are balanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfmtl.config.heads import ORDER, is_made_of
from tfmtl.config.learned import learners
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import (
    Rule,
    check_above,
    check_at_least,
    check_fields,
    check_not_negative,
    check_positive,
    check_share,
    check_unique,
    chosen,
)
from tfmtl.config.views import architecture, placed_towers
from tfmtl.config.wording import Word
from tfmtl.protos import balancing_pb2, loss_pb2, pipeline_pb2

_PATH = "model_config.balancing"
_EASYREC_PATH = "model_config.loss_weight_strategy"
# Their tasks have nothing in common, not even embeddings.
_SHARING_NOTHING = ("single_task", "division")
# They take logarithms of losses.
_OF_POSITIVE = ("geometric", "famo", "db_mtl")

# A message, its path, the names of the tasks.
_Rule = Callable[[Any, str, Sequence[str], Report], None]


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """There is one way of balancing, it fits the tasks, and its parameters make sense."""
    _check_easyrec(pipeline, report)
    model = pipeline.model_config
    if not model.HasField("balancing"):
        return
    if model.loss_weight_strategy != loss_pb2.Fixed:
        given = loss_pb2.LossWeightStrategy.Name(model.loss_weight_strategy)
        report.should(_EASYREC_PATH, "be left out where there is `balancing`", Word(given))
    name = chosen(report, _PATH, model.balancing, "strategy")
    if name and architecture(pipeline):
        tasks = list(learners(pipeline))
        message = getattr(model.balancing, name)
        if len(tasks) < 2:
            report.should(_PATH, "be given to two tasks or more", tasks)
        _check_shared(pipeline, name, message, report)
        _check_positive(pipeline, name, report)
        check_fields(report, f"{_PATH}.{name}", message, _NUMBERS)
        if name in _RULES:
            _RULES[name](message, f"{_PATH}.{name}", tasks, report)


def _check_easyrec(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """`learn_loss_weight` and `loss_weight_strategy: Uncertainty` go together."""
    strategy = pipeline.model_config.loss_weight_strategy
    learned = [
        (f"{path}.losses[{index}].learn_loss_weight", tower.tower_name)
        for path, tower in placed_towers(pipeline)
        for index, loss in enumerate(tower.losses)
        if loss.learn_loss_weight and loss.loss_type not in ORDER  # That is refused already.
    ]
    if strategy == loss_pb2.Uncertainty and not learned:
        report.warn(_EASYREC_PATH, "is Uncertainty, but no loss has `learn_loss_weight`")
    if strategy != loss_pb2.Uncertainty:
        rule = "be false unless `model_config.loss_weight_strategy` is Uncertainty"
        for path, tower in learned:
            report.should(path, rule, True, of=f"tower `{tower}`")


def _check_shared(pipeline: pipeline_pb2.Pipeline, name: str, message: Any, report: Report) -> None:
    """Gradients are compared where tasks share something."""
    compares = "level" in message.DESCRIPTOR.fields_by_name
    if name == "db_mtl":
        compares = message.balance_gradients
        if not compares and message.HasField("level"):
            rule = "be left out unless `balance_gradients` is true"
            level = balancing_pb2.Balancing.Level.Name(message.level)
            report.should(f"{_PATH}.{name}.level", rule, Word(level))
    if compares and architecture(pipeline) in _SHARING_NOTHING:
        rule = (
            f"be one that looks at losses alone: it compares gradients where tasks share "
            f"parameters, and those of `{architecture(pipeline)}` share none"
        )
        report.should(f"{_PATH}", rule, Word(name))


def _check_positive(pipeline: pipeline_pb2.Pipeline, name: str, report: Report) -> None:
    """What takes logarithms of losses takes none that is minus the logarithm of a density."""
    values = [
        tower.tower_name
        for _, tower in placed_towers(pipeline)
        if is_made_of(tower, loss_pb2.ZILN_LOSS)
    ]
    if name in _OF_POSITIVE and values:
        rule = (
            f"be one that takes losses below 0, which `ZILN_LOSS` of tower `{values[0]}` may be: "
            "it takes logarithms of losses"
        )
        report.should(_PATH, rule, Word(name))


def _check_period(message: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    """A period is so many steps or so many rows."""
    del tasks
    if message.every_steps and message.epoch_rows:
        rule = "not be given together with `every_steps`"
        report.should(f"{path}.epoch_rows", rule, message.epoch_rows)
    elif not (message.every_steps or message.epoch_rows):
        rule = "be at least 1, or `epoch_rows` should: rows are read as a stream, without an end"
        report.should(f"{path}.every_steps", rule, message.every_steps)


def _check_decay(message: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    _check_period(message, path, tasks, report)
    if not message.ratios:
        report.should(f"{path}.ratios", "list the tasks whose weight changes")
    _check_listed(message.ratios, f"{path}.ratios", tasks, report)
    for index, each in enumerate(message.ratios):
        check_above(report, f"{path}.ratios[{index}].gamma", each.gamma, 0)


def _check_pareto(message: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    _check_listed(message.bounds, f"{path}.bounds", tasks, report)
    for index, each in enumerate(message.bounds):
        check_at_least(report, f"{path}.bounds[{index}].min_weight", each.min_weight, 0)
    bounds = [each.min_weight for each in message.bounds]
    if sum(bounds) > 1:
        report.should(f"{path}.bounds", "have the sum 1 at most", bounds)


def _check_listed(messages: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    """Tasks that are listed have a loss, and are listed once."""
    placed = [(f"{path}[{i}].task_name", each.task_name) for i, each in enumerate(messages)]
    for where, name in placed:
        if name not in tasks:
            report.should_name(where, "a task that has a loss", name, tasks)
    check_unique(report, placed)


def _check_db_mtl(message: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    """Averages are of gradients, and of what is the same from step to step."""
    del tasks
    averaged = message.balance_gradients and message.level == balancing_pb2.Balancing.PARAMETERS
    if message.forgetting_rate and not averaged:
        rule = "be 0 unless there is `balance_gradients: true level: PARAMETERS`"
        report.should(f"{path}.forgetting_rate", rule, message.forgetting_rate)


def _check_nash(message: Any, path: str, tasks: Sequence[str], report: Report) -> None:
    del tasks
    check_at_least(report, f"{path}.every_steps", message.every_steps, 1)


_NUMBERS: Mapping[str, Rule] = {
    "learning_rate": check_positive,
    "temperature": check_positive,
    "alpha": check_not_negative,
    "c": check_share,
    "max_norm": check_not_negative,
    "gamma": check_not_negative,
    "mu": check_positive,
    "forgetting_rate": check_share,
}
_RULES: Mapping[str, _Rule] = {
    "decay": _check_decay,
    "dwa": _check_period,
    "pareto": _check_pareto,
    "nash": _check_nash,
    "db_mtl": _check_db_mtl,
}
