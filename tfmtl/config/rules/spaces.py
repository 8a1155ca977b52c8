"""Rules of sample spaces: the labels and columns that say which rows are in one."""

from __future__ import annotations

from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.data import Field, fits, value_type
from tfmtl.config.rules.described import Described
from tfmtl.config.views import column_named, columns_by_name
from tfmtl.protos import dataset_pb2

_LABELS = "one of `data_config.label_fields`"


def check_weights(it: Described) -> None:
    """The weights in and out are no negative ones."""
    for name in ("in_task_space_weight", "out_task_space_weight"):
        check_at_least(it.report, f"{it.path}.{name}", getattr(it.its, name), 0, of=it.of)


def check_label(it: Described) -> None:
    """The label that tells the rows is one."""
    if it.its.task_space_indicator_label and it.its.task_space_indicator_label not in it.labels:
        it.should_name("task_space_indicator_label", _LABELS, it.labels)


def check_column(it: Described) -> None:
    """The column that tells the rows exists, and a value of it is given."""
    its, name = it.its, it.its.task_space_indicator_name
    if not name:
        if its.HasField("task_space_indicator_value"):
            it.should("task_space_indicator_name", "say whose value is meant")
        return
    column = column_named(it.pipeline, name)
    if column is None:
        known = columns_by_name(it.pipeline)
        it.should_name("task_space_indicator_name", "a column or a feature", known)
    elif not its.HasField("task_space_indicator_value"):
        it.should("task_space_indicator_value", f"say which value of `{name}` is meant")
    else:
        _check_value(it, column)


def check_matters(it: Described) -> None:
    """Tells of a space that weighs all rows alike."""
    if it.its.in_task_space_weight == it.its.out_task_space_weight:
        it.report.warn(it.path, "weighs rows in and out of its space alike", of=it.of)


def _check_value(it: Described, column: Field) -> None:
    value = it.its.task_space_indicator_value
    kind = value_type(column, it.pipeline.data_config)
    if not fits(kind, value):
        kind_name = dataset_pb2.DatasetConfig.FieldType.Name(kind)
        rule = f"be of the type of column `{column.input_name}`, {kind_name}"
        it.should("task_space_indicator_value", rule, value)
