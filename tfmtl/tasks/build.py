"""From the messages of a config to tasks.

The files `build*.py` are the only ones of this room that read protos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tfmtl import config
from tfmtl.config.expressions import Name, Tree
from tfmtl.config.score import SCORE, TASK, score_tree, score_weights
from tfmtl.config.views import Tower
from tfmtl.errors import ConfigError
from tfmtl.features.column import Column
from tfmtl.protos import calibration_pb2, metric_pb2, pipeline_pb2
from tfmtl.tasks.build_heads import build_head
from tfmtl.tasks.build_losses import build_terms
from tfmtl.tasks.build_space import build_factors, build_label
from tfmtl.tasks.calibrators import Calibrator, Isotonic, Platt, Temperature
from tfmtl.tasks.class_temperature import ClassTemperature
from tfmtl.tasks.heads import Head
from tfmtl.tasks.judge import Judge
from tfmtl.tasks.score import Score
from tfmtl.tasks.space import SampleSpace
from tfmtl.tasks.task import Task


def build_metrics(
    tower: Tower, head: Head, pipeline: pipeline_pb2.Pipeline
) -> dict[str, dict[str, Any]] | None:
    """The parameters of the metrics of a tower's own prediction, by name; None without any."""
    return _parameters_of(config.own_metrics(tower), tower, head, pipeline) or None


def _parameters_of(
    messages: Iterable[metric_pb2.EvalMetrics],
    tower: Tower,
    head: Head,
    pipeline: pipeline_pb2.Pipeline,
) -> dict[str, dict[str, Any]]:
    """The parameters of metrics by name."""
    metrics: dict[str, dict[str, Any]] = {}
    for message in messages:
        name = message.WhichOneof("metric")
        _check_metric(name, tower, head, metrics)
        metrics[name] = its = _parameters(getattr(message, name))
        if grouped_by := head.metrics[name].grouped_by:
            field = f"{grouped_by}` of `{name}` of task `{tower.tower_name}"
            its[grouped_by] = _column_of(its[grouped_by], pipeline, field)
    return metrics


def build_score(pipeline: pipeline_pb2.Pipeline) -> Score | None:
    """The score of `model_config.score`; None without.

    Raises:
        ConfigError: If its expression cannot be read.
    """
    tree = score_tree(pipeline)
    return None if tree is None else _score(tree, pipeline)


def build_judges(pipeline: pipeline_pb2.Pipeline, tasks: Sequence[Task]) -> list[Judge]:
    """What measures other predictions by the labels of tasks, or in other spaces.

    See `EvalMetrics.prediction` and `entire_space`.

    Args:
        pipeline: A checked config.
        tasks: Its tasks.
    """
    by_place = {task.measured_as: task for task in tasks}
    judges = []
    for each in config.judgements(pipeline):
        task = by_place[each.place]
        is_score = each.prediction == SCORE
        tree = score_tree(pipeline) if is_score else Name(each.prediction or task.name, TASK)
        if tree is None:
            raise ConfigError([f"`prediction: {SCORE}` should have a `model_config.{SCORE}`."])
        metrics = _parameters_of(each.metrics, each.tower, task.head, pipeline)
        judge = Judge(task, each.suffix, _score(tree, pipeline), metrics, each.is_entire)
        judges.append(judge)
    return judges


def _score(tree: Tree, pipeline: pipeline_pb2.Pipeline) -> Score:
    columns = [Column.from_field(field) for field in pipeline.data_config.input_fields]
    return Score(tree, columns, score_weights(pipeline))


_CALIBRATORS: dict[str, Callable[[calibration_pb2.Calibration], Calibrator]] = {
    "platt": lambda message: Platt(),
    "temperature": lambda message: Temperature(),
    "isotonic": lambda message: Isotonic(message.isotonic.max_blocks),
}


def build_calibrators(pipeline: pipeline_pb2.Pipeline) -> dict[str, Calibrator]:
    """The calibrators that `export_config.calibration` asks for, by task, not yet fitted."""
    classes = config.class_tasks(pipeline)
    return {
        # No other method is of several classes.
        task: ClassTemperature()
        if task in classes
        else _CALIBRATORS[message.WhichOneof("method")](message)
        for task, message in config.calibrations(pipeline).items()
    }


def build_task(tower: Tower, pipeline: pipeline_pb2.Pipeline) -> Task:
    """The task of a tower whose label, space, loss and metrics are its own."""
    head = build_head(tower)
    return Task(
        tower.tower_name,
        head,
        SampleSpace(build_label(tower), build_factors(tower, pipeline)),
        weight=tower.weight,
        metrics=build_metrics(tower, head, pipeline),
        terms=build_terms(tower.tower_name, tower, pipeline),
    )


def _column_of(name: str, pipeline: pipeline_pb2.Pipeline, asked_by: str) -> str:
    """The column of a name, or that of the feature of the name."""
    column = config.column_of(name, pipeline)
    if not column:
        rule = "should name an input field or a feature"
        raise ConfigError([f"`{asked_by}` {rule}. Received: `{name}`."])
    return column


def _check_metric(name: str, tower: Tower, head: Head, seen: dict[str, Any]) -> None:
    if name not in head.metrics:
        rule = f"should be one of {', '.join(head.metrics)}"
    elif name in seen:
        rule = "should name a metric once"
    else:
        return
    raise ConfigError([f"`metrics_set` of task `{tower.tower_name}` {rule}. Received: {name}."])


def _parameters(message: Any) -> dict[str, Any]:
    """A message's fields as keyword arguments, with the defaults of its proto."""
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
