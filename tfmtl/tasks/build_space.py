"""From a tower's message to its label and its sample space."""

from __future__ import annotations

from collections.abc import Callable

from tfmtl import config
from tfmtl.config.views import Tower, column_named
from tfmtl.errors import ConfigError
from tfmtl.protos import dataset_pb2, model_pb2, pipeline_pb2
from tfmtl.tasks.space import ColumnIndicator, ColumnLabel, Factor, LabelIndicator, SampleWeight


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
    indicator = build_indicator(tower, f"task `{tower.tower_name}`", pipeline)
    return [*factors, indicator] if indicator else factors


def build_indicator(
    message: Tower | model_pb2.KD, owner: str, pipeline: pipeline_pb2.Pipeline
) -> ColumnIndicator | None:
    """What weighs rows by `task_space_indicator_name`; None if there is no such name.

    Args:
        message: The message that has it.
        owner: Whose it is, for errors.
        pipeline: The config.
    """
    if not message.task_space_indicator_name:
        return None
    asked_by = f"`task_space_indicator_name` of {owner}"
    field = build_field(message.task_space_indicator_name, asked_by, pipeline)
    return ColumnIndicator(
        field.input_name,
        _indicator_value(message, owner, field, pipeline.data_config),
        inside=message.in_task_space_weight,
        outside=message.out_task_space_weight,
        default=field.default_val,
    )


def build_field(
    name: str, asked_by: str, pipeline: pipeline_pb2.Pipeline
) -> dataset_pb2.DatasetConfig.Field:
    """The column meant by a name, which may be a feature's name, too.

    Args:
        name: The name.
        asked_by: What it stands in, for errors.
        pipeline: The config.
    """
    field = column_named(pipeline, name)
    if field is None:
        rule = "should name an input field or a feature"
        raise ConfigError([f"{asked_by} {rule}. Received: `{name}`."])
    return field


def _label_of(column: str, pipeline: pipeline_pb2.Pipeline) -> ColumnLabel:
    """A label column, with the `missing_label` of the task that learns it."""
    learners = [tower for tower in config.towers(pipeline) if tower.label_name == column]
    return build_label(learners[0]) if learners else ColumnLabel(column)


def _indicator_value(
    message: Tower | model_pb2.KD,
    owner: str,
    field: dataset_pb2.DatasetConfig.Field,
    data_config: dataset_pb2.DatasetConfig,
) -> str | bool | int | float:
    """`task_space_indicator_value` in the type of its column, so that 1 equals 1.0 there."""
    text = message.task_space_indicator_value
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
                f"`task_space_indicator_value` of {owner} should be of the type "
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
