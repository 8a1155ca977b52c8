"""From the messages of a config to tasks: the only file of this room that reads protos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tfmtl import config
from tfmtl.config.expressions import Name, Tree
from tfmtl.config.score import SCORE, TASK, score_tree, score_weights
from tfmtl.config.views import Tower
from tfmtl.errors import ConfigError
from tfmtl.features.column import Column
from tfmtl.protos import calibration_pb2, dataset_pb2, loss_pb2, metric_pb2, pipeline_pb2
from tfmtl.tasks.calibrators import Calibrator, Isotonic, Platt, Temperature
from tfmtl.tasks.heads import BinaryHead, Head, MultiClassHead, RegressionHead
from tfmtl.tasks.judge import Judge
from tfmtl.tasks.score import Score
from tfmtl.tasks.space import (
    ColumnIndicator,
    ColumnLabel,
    Factor,
    LabelIndicator,
    SampleSpace,
    SampleWeight,
)
from tfmtl.tasks.task import Task


def _classification(tower: Tower) -> Head:
    return BinaryHead() if tower.num_class == 1 else MultiClassHead(tower.num_class)


_HEADS: dict[int, Callable[[Tower], Head]] = {
    loss_pb2.CLASSIFICATION: _classification,
    loss_pb2.L2_LOSS: lambda tower: RegressionHead(),
}


def build_head(tower: Tower) -> Head:
    """The head of a tower's `loss_type`."""
    if tower.loss_type not in _HEADS:
        known = ", ".join(loss_pb2.LossType.Name(kind) for kind in _HEADS)
        raise ConfigError(
            [
                f"`loss_type` of task `{tower.tower_name}` should be one of {known}. "
                f"Received: {loss_pb2.LossType.Name(tower.loss_type)}."
            ]
        )
    return _HEADS[tower.loss_type](tower)


def build_label(tower: Tower) -> ColumnLabel:
    """The label of a tower."""
    missing = tower.missing_label if tower.HasField("missing_label") else None
    return ColumnLabel(tower.label_name, missing)


def build_factors(tower: Tower, pipeline: pipeline_pb2.Pipeline) -> list[Factor]:
    """What weighs the rows of a tower: sample weight, indicator label, indicator column."""
    factors: list[Factor] = []
    weights = {"inside": tower.in_task_space_weight, "outside": tower.out_task_space_weight}
    if tower.use_sample_weight and pipeline.data_config.sample_weight:
        factors.append(SampleWeight(pipeline.data_config.sample_weight))
    if tower.task_space_indicator_label:
        label = _label_of(tower.task_space_indicator_label, pipeline)
        factors.append(LabelIndicator(label, **weights))
    if tower.task_space_indicator_name:
        field = _indicator_field(tower, pipeline)
        value = _indicator_value(tower, field, pipeline.data_config)
        factors.append(
            ColumnIndicator(field.input_name, value, default=field.default_val, **weights)
        )
    return factors


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
            its[grouped_by] = _field_of(its[grouped_by], pipeline, field).input_name
    return metrics


def build_score(pipeline: pipeline_pb2.Pipeline) -> Score | None:
    """The score of `model_config.score`; None without.

    Raises:
        ConfigError: If its expression cannot be read.
    """
    tree = score_tree(pipeline)
    return None if tree is None else _score(tree, pipeline)


def build_judges(pipeline: pipeline_pb2.Pipeline, tasks: Sequence[Task]) -> list[Judge]:
    """What measures other predictions by the labels of tasks, as `EvalMetrics.prediction` says.

    Args:
        pipeline: A checked config.
        tasks: Its tasks.
    """
    by_place = {task.measured_as: task for task in tasks}
    judges = []
    for tower, place, prediction, messages in config.judgements(pipeline):
        tree = score_tree(pipeline) if prediction == SCORE else Name(prediction, TASK)
        if tree is None:
            raise ConfigError([f"`prediction: {SCORE}` should have a `model_config.{SCORE}`."])
        task = by_place[place]
        metrics = _parameters_of(messages, tower, task.head, pipeline)
        judges.append(Judge(task, prediction, _score(tree, pipeline), metrics))
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
    return {
        task: _CALIBRATORS[message.WhichOneof("method")](message)
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
    )


def _label_of(column: str, pipeline: pipeline_pb2.Pipeline) -> ColumnLabel:
    """A label column, with the `missing_label` of the task that learns it."""
    learners = [tower for tower in config.towers(pipeline) if tower.label_name == column]
    return build_label(learners[0]) if learners else ColumnLabel(column)


def _indicator_field(
    tower: Tower, pipeline: pipeline_pb2.Pipeline
) -> dataset_pb2.DatasetConfig.Field:
    """The column meant by `task_space_indicator_name`, which may be a feature's name, too."""
    field = f"task_space_indicator_name` of task `{tower.tower_name}"
    return _field_of(tower.task_space_indicator_name, pipeline, field)


def _field_of(
    name: str, pipeline: pipeline_pb2.Pipeline, asked_by: str
) -> dataset_pb2.DatasetConfig.Field:
    """The column of a name, or that of the feature of the name."""
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    column = config.column_of(name, pipeline)
    if column in fields:
        return fields[column]
    raise ConfigError(
        [f"`{asked_by}` should name an input field or a feature. Received: `{name}`."]
    )


def _indicator_value(
    tower: Tower,
    field: dataset_pb2.DatasetConfig.Field,
    data_config: dataset_pb2.DatasetConfig,
) -> str | bool | int | float:
    """`task_space_indicator_value` in the type of its column, so that 1 equals 1.0 there."""
    text = tower.task_space_indicator_value
    # Readers give labels and weights as floats, whatever their type in the data.
    is_target = field.input_name in config.target_columns(data_config)
    is_text = field.input_type == dataset_pb2.DatasetConfig.STRING
    try:
        value = float(text) if is_target and is_text else _PARSERS[field.input_type](text)
        return float(value) if is_target else value
    except ValueError:
        kind = dataset_pb2.DatasetConfig.FieldType.Name(field.input_type)
        raise ConfigError(
            [
                f"`task_space_indicator_value` of task `{tower.tower_name}` should be of the type "
                f'of column `{field.input_name}`, {kind}. Received: "{text}".'
            ]
        ) from None


def _boolean(text: str) -> bool:
    return ("false", "true", "0", "1").index(text.strip().lower()) % 2 == 1


_PARSERS: dict[int, Callable[[str], str | bool | int | float]] = {
    dataset_pb2.DatasetConfig.STRING: str,
    dataset_pb2.DatasetConfig.BOOL: _boolean,
    dataset_pb2.DatasetConfig.INT32: int,
    dataset_pb2.DatasetConfig.INT64: int,
    dataset_pb2.DatasetConfig.FLOAT: float,
    dataset_pb2.DatasetConfig.DOUBLE: float,
}


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
