"""Rows of a DataFrame."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.data import base
from tfmtl.data.columns import Column, columns_to_read, declared_columns, select_columns
from tfmtl.data.frame_rows import FrameRows, check_columns
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2


def read_frame(
    data_config: dataset_pb2.DatasetConfig, frame: pd.DataFrame, columns: Sequence[str]
) -> dict[str, tf.Tensor]:
    """Turns columns of a DataFrame into tensors `(rows,)`, as a source would read them.

    Raises:
        DataError: If it lacks a column, or has a cell that is none of its column's type.
    """
    wanted = tuple(select_columns(declared_columns(data_config), columns))
    _check(frame, wanted)
    rows = FrameRows(frame, wanted)
    error = rows.first_error(_place)
    if error:
        raise error
    return rows.tensors()


def open_frame(
    data_config: dataset_pb2.DatasetConfig,
    frame: pd.DataFrame,
    columns: Sequence[Column],
    labels_required: bool,
    sampler: Sampler | None = None,
) -> FrameSource:
    """Reads the columns of a DataFrame.

    Raises:
        DataError: If it has no row or lacks a column; or has a bad row, unless they are left out.
    """
    if not len(frame):
        raise DataError("DataFrame: should have a row at least. Received: none.")
    wanted = columns_to_read(columns, [frame.columns], labels_required)
    _check(frame, wanted)
    source = FrameSource(data_config, frame, wanted, sampler)
    error = source.bad_row_error()
    if error and data_config.bad_rows == dataset_pb2.DatasetConfig.RAISE:
        raise error
    return source


class FrameSource(base.Source):
    """Rows of a DataFrame, which has all the columns. Its bad rows are left out.

    Args:
        data_config: How to read it.
        frame: The rows.
        columns: The columns to read.
        sampler: Decides how often a row appears.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        frame: pd.DataFrame,
        columns: tuple[Column, ...],
        sampler: Sampler | None = None,
    ) -> None:
        super().__init__(data_config, columns, sampler)
        rows = FrameRows(frame, columns)
        self._error = rows.first_error(_place)
        self._good = np.flatnonzero(~rows.is_bad)
        self._skipped.assign(len(frame) - len(self._good))
        self._tensors = rows.tensors()

    def place(self, row: int) -> str:
        return _place(row)

    def bad_row_error(self) -> DataError | None:
        return self._error

    def _read_through(self) -> None:
        pass  # It was, when it was opened.

    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(self._good)

    def _buffer_size(self, sampler: Sampler | None) -> int:
        # All rows are in memory already, so that a smaller buffer would spare nothing.
        if sampler is None:
            return len(self._good)
        most = sampler.copies(self._judged(sampler, self._good), tf.zeros(len(self._good)))
        return int(tf.reduce_sum(tf.cast(most, tf.int64)))

    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> base.Rows:
        (rows,) = batch
        return {name: tf.gather(self._tensors[name], rows) for name in names}


def _check(frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    names = [name for name in frame.columns if isinstance(name, str)]
    check_columns("DataFrame", names, columns)


def _place(row: int) -> str:
    return f"DataFrame.iloc[{row}]"
