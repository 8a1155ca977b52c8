"""Rules of `data_config`: columns, labels, weights and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, check_unique
from tfmtl.protos import dataset_pb2, pipeline_pb2

Field = dataset_pb2.DatasetConfig.Field

_PATH = "data_config"
_Types = dataset_pb2.DatasetConfig
_PARSERS: Mapping[int, Callable[[str], Any]] = {
    _Types.INT32: int,
    _Types.INT64: int,
    _Types.FLOAT: float,
    _Types.DOUBLE: float,
    _Types.BOOL: ("false", "true").index,
}


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Columns exist once, labels and weights are columns, and reading makes sense."""
    data = pipeline.data_config
    _check_fields(data, report)
    _check_labels(data, report)
    _check_sample_weight(data, report)
    _check_reading(data, report)


def columns(pipeline: pipeline_pb2.Pipeline) -> dict[str, Field]:
    """The columns by name."""
    return {field.input_name: field for field in pipeline.data_config.input_fields}


def type_name(field: Field) -> str:
    """The name of a column's type, such as INT32."""
    return dataset_pb2.DatasetConfig.FieldType.Name(field.input_type)


def _check_fields(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    if not data.input_fields:
        report.should(f"{_PATH}.input_fields", "name the columns of the data")
    for index, field in enumerate(data.input_fields):
        path = f"{_PATH}.input_fields[{index}]"
        if not field.input_name:
            report.should(f"{path}.input_name", "name the column")
        _check_default(field, report, f"{path}.default_val")
    names = [
        (f"{_PATH}.input_fields[{index}].input_name", field.input_name)
        for index, field in enumerate(data.input_fields)
    ]
    check_unique(report, names)


def fits(field: Field, text: str) -> bool:
    """Whether a text can be read as a value of a column."""
    if field.input_type not in _PARSERS:
        return True
    try:
        _PARSERS[field.input_type](text.strip().lower())
    except ValueError:
        return False
    return True


def _check_default(field: Field, report: Report, path: str) -> None:
    if field.default_val and not fits(field, field.default_val):
        rule = f"be of the column's type, {type_name(field)}"
        report.should(path, rule, field.default_val, of=f"column `{field.input_name}`")


def _check_labels(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    path = f"{_PATH}.label_fields"
    known = [field.input_name for field in data.input_fields]
    if not data.label_fields:
        report.should(path, "name the columns that are labels")
    for index, name in enumerate(data.label_fields):
        if known and name not in known:
            report.should_name(f"{path}[{index}]", "one of `input_fields`", name, known)
    labels = [(f"{path}[{index}]", name) for index, name in enumerate(data.label_fields)]
    check_unique(report, labels)
    for index, size in enumerate(data.label_dim):
        if size != 1:
            report.should(f"{_PATH}.label_dim[{index}]", "be 1; more is not built yet", size)


def _check_sample_weight(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    known = [field.input_name for field in data.input_fields]
    path, name = f"{_PATH}.sample_weight", data.sample_weight
    if not data.HasField("sample_weight"):
        return
    if name not in known:
        report.should_name(path, "one of `input_fields`", name, known)
    elif name in data.label_fields:
        report.should(path, "not be a label", name)


def _check_reading(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    if not data.separator:
        report.should(f"{_PATH}.separator", "be the text between two columns", data.separator)
    for name in ("batch_size", "eval_batch_size", "num_parallel_calls"):
        check_at_least(report, f"{_PATH}.{name}", getattr(data, name), 1)
    if data.shuffle:
        check_at_least(report, f"{_PATH}.shuffle_buffer_size", data.shuffle_buffer_size, 1)
