"""The rows of a DataFrame as tensors, and which of them are bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.data import complaints
from tfmtl.data.columns import Column, nearest
from tfmtl.data.frame_cells import Cells, read_cells, text_of
from tfmtl.errors import DataError


class FrameRows:
    """Rows of a DataFrame that has all the columns.

    Args:
        frame: The rows.
        columns: The columns to read.
        cells: Those that were read already, which the frame need not have; none of them is bad.
    """

    def __init__(
        self, frame: pd.DataFrame, columns: Sequence[Column], cells: Mapping[str, Cells] = {}
    ) -> None:
        self._frame = frame
        self._columns = columns
        self._cells = {
            column.name: cells.get(column.name) or read_cells(frame[column.name], column)
            for column in columns
        }
        self.is_bad: np.ndarray = np.any([each.bad for each in self._cells.values()], axis=0)

    def tensors(self) -> dict[str, tf.Tensor]:
        """The columns, `(rows,)`; of a bad row's cell, 0."""
        with tf.device("CPU:0"):  # Where tf.data runs.
            return {
                column.name: tf.constant(self._cells[column.name].values, column.dtype)
                for column in self._columns
            }

    def first_error(self, place: Callable[[int], str]) -> DataError | None:
        """Tells of the first bad row; `place` says where a row stands."""
        bad = np.flatnonzero(self.is_bad)
        if not len(bad):
            return None
        row = int(bad[0])
        column = next(c for c in self._columns if self._cells[c.name].bad[row])
        text = text_of(self._frame[column.name].iloc[row])
        return DataError(f"{place(row)}: {complaints.about_cell(column, text)}")


def check_columns(where: str, names: Sequence[str], columns: Sequence[Column]) -> None:
    """Raises if rows lack a column, or have it twice.

    Args:
        where: Where they are: a file, or `DataFrame`.
        names: The columns that they have.
        columns: Those that they should have.

    Raises:
        DataError: With the columns that are missing.
    """
    missing = [column.name for column in columns if column.name not in names]
    if missing:
        wanted = ", ".join(f"`{name}`{nearest(name, names)}" for name in missing)
        received = complaints.shorten(", ".join(names)) or "none"
        raise DataError(f"{where}: should have column {wanted}. Received: {received}.")
    for column in columns:
        if names.count(column.name) > 1:
            raise DataError(f"{where}: has column `{column.name}` more than once.")
