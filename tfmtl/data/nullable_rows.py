"""Rows as they stand in the data, with empty cells that are empty still, to be written again."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

import pandas as pd
import tensorflow as tf

from tfmtl.data.base import Source
from tfmtl.data.source import open_source
from tfmtl.protos import dataset_pb2

_Types = dataset_pb2.DatasetConfig
_WHOLE = (_Types.INT32, _Types.INT64, _Types.BOOL)
_FLOATS = (_Types.FLOAT, _Types.DOUBLE)


class Cells(NamedTuple):
    """The cells of a column.

    Args:
        values: Their values, `(rows,)`, of the declared type; of an empty cell any.
        is_empty: Which are empty, `(rows,)`.
    """

    values: tf.Tensor
    is_empty: tf.Tensor


class NullableRows:
    """Reads data without filling in what its empty cells mean.

    The data is read twice, with two defaults: an empty cell is one that follows them. So every
    reader tells of empty cells, though none of them knows.

    Args:
        data_config: The columns, and how to read them. Labels are columns like any other.
        data: A comma-separated list of files, globs and directories; or a DataFrame.
        columns: The columns to read; None reads all that are declared.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        data: str | os.PathLike[str] | pd.DataFrame,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.source: Source = open_source(_with_default(data_config, "0"), data, columns)
        self._names = [column.name for column in self.source.columns]
        self._whole = {
            field.input_name for field in data_config.input_fields if field.input_type in _WHOLE
        }
        self._again = (
            open_source(_with_default(data_config, "1"), data, columns)
            if self._whole.intersection(self._names)
            else None
        )

    def dataset(self, batch_size: int) -> tf.data.Dataset:
        """The rows in batches `{column: Cells}`, in the order of the data."""
        once = self.source.dataset(batch_size)
        if self._again is None:
            return once.map(lambda rows: _cells(rows, rows, ()))
        both = tf.data.Dataset.zip((once, self._again.dataset(batch_size)))
        return both.map(lambda rows, again: _cells(rows, again, self._whole))


@tf.autograph.experimental.do_not_convert  # There is nothing to.
def _cells(
    rows: dict[str, tf.Tensor], again: dict[str, tf.Tensor], whole: Collection[str]
) -> dict[str, Cells]:
    return {
        name: Cells(values, values != again[name] if name in whole else _is_empty(values))
        for name, values in rows.items()
    }


def _is_empty(values: tf.Tensor) -> tf.Tensor:
    return values == "" if values.dtype == tf.string else tf.math.is_nan(values)


def _with_default(data_config: dataset_pb2.DatasetConfig, whole: str) -> dataset_pb2.DatasetConfig:
    """The config with a default for all columns, and no labels, which could be missing."""
    plain = _Types()
    plain.CopyFrom(data_config)
    for name in ("label_fields", "sample_weight", plain.WhichOneof("sampling")):
        if name:
            plain.ClearField(name)
    for field in plain.input_fields:
        field.default_val = whole if field.input_type in _WHOLE else ""
        if field.input_type in _FLOATS:
            field.default_val = "nan"
    return plain
