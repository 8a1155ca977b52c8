"""Rules of `data_config`: columns, labels, weights, how they are read and how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.column_functions import COLUMN_FUNCTIONS, column_function
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, check_unique
from tfmtl.config.views import target_columns
from tfmtl.config.wording import Word
from tfmtl.protos import dataset_pb2, pipeline_pb2

Field = dataset_pb2.DatasetConfig.Field

_PATH = "data_config"
_MOST_COPIES = 1000
_Types = dataset_pb2.DatasetConfig
_BINARY = {
    _Types.ParquetInputV2: "Parquet files",
    _Types.TFRecordInput: "TFRecord files",
    _Types.DummyInput: "made-up rows",
}
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Columns exist once, labels and weights are columns, and reading makes sense."""
    data = pipeline.data_config
    _check_fields(data, report)
    _check_labels(data, report)
    _check_sample_weight(data, report)
    _check_separator(pipeline, report)
    _check_reading(data, report)
    _check_sampling(data, report)


def columns(pipeline: pipeline_pb2.Pipeline) -> dict[str, Field]:
    """The columns by name."""
    return {field.input_name: field for field in pipeline.data_config.input_fields}


def type_name(field: Field) -> str:
    """The name of a column's type, such as INT32."""
    return _Types.FieldType.Name(field.input_type)


def _check_fields(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    if not data.input_fields:
        report.should(f"{_PATH}.input_fields", "name the columns of the data")
    for index, field in enumerate(data.input_fields):
        path = f"{_PATH}.input_fields[{index}]"
        if not field.input_name:
            report.should(f"{path}.input_name", "name the column")
        _check_default(field, data, report, f"{path}.default_val")
        _check_function(field, data, report, f"{path}.user_define_fn")
    names = [
        (f"{_PATH}.input_fields[{index}].input_name", field.input_name)
        for index, field in enumerate(data.input_fields)
    ]
    check_unique(report, names)


def value_type(field: Field, data: dataset_pb2.DatasetConfig) -> int:
    """The type of a column's values: labels and weights are numbers even if written as text."""
    is_target = field.input_name in target_columns(data)
    return _Types.FLOAT if is_target and field.input_type == _Types.STRING else field.input_type


def fits(kind: int, text: str) -> bool:
    """Whether a text can be read as a value of a type."""
    return kind not in _READABLE or _READABLE[kind](text)


def is_number(text: str) -> bool:
    """Whether a text is a number in a file of data."""
    # Python reads some more than such files may hold.
    if not text.isascii() or "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_whole(text: str, bits: int) -> bool:
    limit = 1 << (bits - 1)
    return _WHOLE.fullmatch(text) is not None and -limit <= int(text) < limit


_READABLE: Mapping[int, Callable[[str], bool]] = {
    _Types.INT32: lambda text: _is_whole(text, 32),
    _Types.INT64: lambda text: _is_whole(text, 64),
    _Types.FLOAT: is_number,
    _Types.DOUBLE: is_number,
    _Types.BOOL: lambda text: text.strip().lower() in ("true", "false", "1", "0"),
}


def _check_default(
    field: Field, data: dataset_pb2.DatasetConfig, report: Report, path: str
) -> None:
    kind = value_type(field, data)
    if field.default_val and not fits(kind, field.default_val):
        rule = f"be of the column's type, {_Types.FieldType.Name(kind)}"
        report.should(path, rule, field.default_val, of=f"column `{field.input_name}`")


def _check_function(
    field: Field, data: dataset_pb2.DatasetConfig, report: Report, path: str
) -> None:
    of, name = f"column `{field.input_name}`", field.user_define_fn
    if name and not column_function(name):
        report.should_name(path, "a function of numbers", name, COLUMN_FUNCTIONS, of=of)
    elif name and field.input_name not in data.label_fields:
        report.warn(path, "has no effect, because the column is no label", of=of)


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
            rule = "be 1, because no task learns from a label of several values"
            report.should(f"{_PATH}.label_dim[{index}]", rule, size)


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
    _check_compression(data, report)
    for name in ("batch_size", "eval_batch_size", "num_parallel_calls"):
        check_at_least(report, f"{_PATH}.{name}", getattr(data, name), 1)
    if data.shuffle:
        check_at_least(report, f"{_PATH}.shuffle_buffer_size", data.shuffle_buffer_size, 1)


def _check_compression(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    path, packing = f"{_PATH}.data_compression_type", data.data_compression_type
    if data.input_type == _Types.TFRecordInput:
        if packing not in ("", "GZIP", "ZLIB"):
            report.should(path, 'be "GZIP", "ZLIB" or ""', packing)
    elif packing:
        rule = "only be given with `input_type: TFRecordInput`; names of CSV files say it: .gz"
        report.should(path, rule, packing)


def _check_separator(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """The separator is one, where files or the requests of an export have it."""
    data = pipeline.data_config
    if data.input_type in _BINARY:
        if data.with_header:
            kind = _BINARY[data.input_type]
            report.warn(f"{_PATH}.with_header", f"has no effect on {kind}")
        if pipeline.export_config.multi_placeholder:
            return
    mark, path = data.separator, f"{_PATH}.separator"
    is_quote = mark == '"' and data.input_type != _Types.CSVInputEx
    if not mark:
        report.should(path, "be the text between two columns", mark)
    elif is_quote or set(mark) & set("\n\r"):
        rule = "be a text such as `,`, `\\t` or `\\001`, and no double quote or line break"
        report.should(path, rule, mark)


def _check_sampling(data: dataset_pb2.DatasetConfig, report: Report) -> None:
    kind = data.WhichOneof("sampling")
    if not kind:
        return
    path, its = f"{_PATH}.{kind}", getattr(data, kind)
    if its.label_name not in data.label_fields:
        what = "one of `data_config.label_fields`"
        report.should_name(f"{path}.label_name", what, its.label_name, data.label_fields)
    _SAMPLING[kind](its, data, report, path)


def _check_oversampling(
    its: dataset_pb2.Oversampling, data: dataset_pb2.DatasetConfig, report: Report, path: str
) -> None:
    # All copies of some hundred rows are in memory at once.
    if not 1 <= its.factor <= _MOST_COPIES:
        report.should(f"{path}.factor", f"be at least 1 and at most {_MOST_COPIES}", its.factor)


def _check_undersampling(
    its: dataset_pb2.Undersampling, data: dataset_pb2.DatasetConfig, report: Report, path: str
) -> None:
    if not (its.HasField("rate") and 0 <= its.rate <= 1):
        received = its.rate if its.HasField("rate") else None
        report.should(f"{path}.rate", "be at least 0 and at most 1", received)


def _check_rejection(
    its: dataset_pb2.RejectionSampling, data: dataset_pb2.DatasetConfig, report: Report, path: str
) -> None:
    if not 0 < its.min_propensity <= 1:
        report.should(f"{path}.min_propensity", "be above 0 and at most 1", its.min_propensity)
    path, name = f"{path}.propensity_name", its.propensity_name
    fields = {field.input_name: field for field in data.input_fields}
    if name not in fields:
        report.should_name(path, "one of `data_config.input_fields`", name, fields)
    elif name in data.label_fields:
        report.should(path, "not be a label", name)
    elif name == data.sample_weight:
        report.should(path, "not be the sample weight", name)
    elif fields[name].input_type not in (_Types.FLOAT, _Types.DOUBLE):
        received = Word(type_name(fields[name]))
        report.should(path, "be a column of type FLOAT or DOUBLE", received, of=f"column `{name}`")


_SAMPLING: Mapping[str, Callable[[Any, dataset_pb2.DatasetConfig, Report, str], None]] = {
    "oversampling": _check_oversampling,
    "undersampling": _check_undersampling,
    "rejection_sampling": _check_rejection,
}
