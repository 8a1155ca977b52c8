"""Rows of a DataFrame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.data import base, complaints
from tfmtl.data.columns import Column, declared_columns, nearest, select_columns
from tfmtl.data.frame_cells import Cells, read_cells, text_of
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
    _check_columns(frame, wanted)
    cells = _read_columns(frame, wanted)
    error = _first_error(frame, wanted, cells)
    if error:
        raise error
    return _tensors(cells, wanted)


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
    wanted = tuple(
        column
        for column in columns
        if labels_required or not column.is_target or column.name in frame.columns
    )
    _check_columns(frame, wanted)
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
        cells = _read_columns(frame, columns)
        self._error = _first_error(frame, columns, cells)
        self._good = np.flatnonzero(~_bad_rows(cells))
        self._skipped.assign(len(frame) - len(self._good))
        self._tensors = _tensors(cells, columns)

    def place(self, row: int) -> str:
        return f"DataFrame.iloc[{row}]"

    def bad_row_error(self) -> DataError | None:
        return self._error

    def find_failure(self) -> DataError | None:
        return None  # Bad rows were told of, or left out, when it was opened.

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


def _check_columns(frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    names = [name for name in frame.columns if isinstance(name, str)]
    missing = [column.name for column in columns if column.name not in names]
    if missing:
        wanted = ", ".join(f"`{name}`{nearest(name, names)}" for name in missing)
        received = complaints.shorten(", ".join(names))
        raise DataError(f"DataFrame: should have column {wanted}. Received: {received}.")
    for column in columns:
        if names.count(column.name) > 1:
            raise DataError(f"DataFrame: has column `{column.name}` more than once.")


def _read_columns(frame: pd.DataFrame, columns: Sequence[Column]) -> dict[str, Cells]:
    return {column.name: read_cells(frame[column.name], column) for column in columns}


def _bad_rows(cells: Mapping[str, Cells]) -> np.ndarray:
    return np.any([column.bad for column in cells.values()], axis=0)


def _first_error(
    frame: pd.DataFrame, columns: Sequence[Column], cells: Mapping[str, Cells]
) -> DataError | None:
    bad = np.flatnonzero(_bad_rows(cells))
    if not len(bad):
        return None
    row = bad[0]
    column = next(column for column in columns if cells[column.name].bad[row])
    text = text_of(frame[column.name].iloc[row])
    return DataError(f"DataFrame.iloc[{row}]: {complaints.about_cell(column, text)}")


def _tensors(cells: Mapping[str, Cells], columns: Sequence[Column]) -> dict[str, tf.Tensor]:
    with tf.device("CPU:0"):  # Where tf.data runs.
        return {
            column.name: tf.constant(cells[column.name].values, column.dtype) for column in columns
        }
