"""Rows of Parquet files.

A file is read by row group, and of a group only the columns that are wanted. What is shuffled and
put into batches is the rows' numbers; their cells are looked up when a batch is made. So a shuffle
moves no cells, and mixes the groups, and all rows of several groups, however small its buffer is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from tfmtl.data import base, parquet_files
from tfmtl.data.columns import Column, columns_to_read
from tfmtl.data.frame_rows import FrameRows, check_columns
from tfmtl.data.group_cache import GroupCache, GroupCells
from tfmtl.data.parquet_cells import frame_rows
from tfmtl.data.parquet_files import ParquetFile, RowGroup
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

# Groups whose rows a shuffle mixes, at least.
_CYCLE = 4


def open_parquet(
    data_config: dataset_pb2.DatasetConfig,
    paths: str,
    columns: Sequence[Column],
    labels_required: bool,
    sampler: Sampler | None = None,
) -> ParquetSource:
    """Finds the files and their row groups.

    Raises:
        DataError: If a file is missing, damaged, lacks a column or has one of a kind that no cell
            can hold; or there is no row.
    """
    found = parquet_files.find_parquet(paths)
    wanted = columns_to_read(columns, [file.schema.names for file in found], labels_required)
    check_schemas(found, wanted)
    return ParquetSource(data_config, parquet_files.row_groups(paths, found), wanted, sampler)


def check_schemas(found: Sequence[ParquetFile], columns: Sequence[Column]) -> None:
    """Raises if a file lacks a column, or has one of a kind that no cell can hold.

    Raises:
        DataError: With the file and the column.
    """
    for file in found:
        schema = file.schema
        _check_is_raw(file, columns)
        check_columns(file.path, schema.names, columns)
        for column in columns:
            kind = schema.field(column.name).type
            if pa.types.is_nested(kind):
                rule = f"column `{column.name}` should have one value a row"
                advice = "Write a list as text with a separator."
                raise DataError(f"{file.path}: {rule}. Received: {kind}. {advice}")


def _check_is_raw(file: ParquetFile, columns: Sequence[Column]) -> None:
    absent = [column.name for column in columns if column.name not in file.schema.names]
    if absent and file.encoder:
        told = ", ".join(f"`{name}`" for name in absent)
        raise DataError(
            f"{file.path}: should have the raw columns {told}. Received: encoded features, which "
            "do for training and evaluation only."
        )


class ParquetSource(base.Source):
    """Rows of Parquet files.

    Args:
        data_config: How to read them.
        groups: Their row groups, in the order of the data, each with a row at least.
        columns: The columns to read.
        sampler: Decides how often a row appears.
        beside: Names of more columns to read, of which a subclass makes something.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        groups: Sequence[RowGroup],
        columns: tuple[Column, ...],
        sampler: Sampler | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        super().__init__(data_config, columns, sampler)
        self._groups = list(groups)
        self._names = [*(column.name for column in columns), *beside]
        self._ends = np.cumsum([group.rows for group in groups])
        # Rows under way come from the groups that are mixed, and from those before or after.
        kept = _CYCLE + 2 * self._mixed_groups(sampler)
        self._cells = GroupCache(lambda group: self._load(self._groups[group]), kept)

    def place(self, row: int) -> str:
        group = int(np.searchsorted(self._ends, row, side="right"))
        return self._groups[group].place(row - self._start(group))

    def bad_row_error(self) -> DataError | None:
        try:
            errors = (self._rows(group).first_error(group.place) for group in self._groups)
            return next(filter(None, errors), None)
        except DataError as damage:
            return damage

    def _read_through(self) -> None:
        for group in self._groups:
            self._rows(group)

    def _batches(self, sampler: Sampler | None, course: base.Course) -> tf.data.Dataset:
        if sampler is not None:
            return super()._batches(sampler, course)
        listing = tf.data.Dataset.range(len(self._groups))
        if course.shuffle:
            listing = listing.shuffle(len(self._groups), seed=course.seed)
        together = self._mixed_groups(None) if course.shuffle else 1
        seeds = tf.data.Dataset.random(course.seed, rerandomize_each_iteration=True)
        groups = tf.data.Dataset.zip((listing.batch(together), seeds))
        mixed = groups.map(lambda groups, seed: self._rows_of(groups, seed, course.shuffle))
        # Without a row, an epoch is to be without elements: only then does repeating it end.
        return base.rebatched(mixed.filter(lambda rows: tf.size(rows) > 0), course)

    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        listing = tf.data.Dataset.range(len(self._groups))
        if shuffle:
            listing = listing.shuffle(len(self._groups), seed=seed)
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)

        def rows(group: tf.Tensor, seed: tf.Tensor) -> tf.data.Dataset:
            of_group = self._rows_of(group[tf.newaxis], seed, shuffle)
            return tf.data.Dataset.from_tensor_slices(of_group)

        cycle = min(_CYCLE, len(self._groups)) if shuffle else 1
        return tf.data.Dataset.zip((listing, seeds)).interleave(rows, cycle_length=cycle)

    def _buffer_size(self, sampler: Sampler | None) -> int:
        return self._buffer_of(int(self._ends[-1]), sampler)

    def _parse(self, *batch: tf.Tensor) -> base.Rows:
        (rows,) = batch
        return super()._parse(tf.sort(rows))  # Rows of one group are looked up together.

    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> base.Rows:
        (rows,) = batch
        wanted = [column for column in self.columns if column.name in names]
        if not wanted:
            return {}
        cells = tf.py_function(
            lambda rows: self._look_up(rows.numpy(), [column.name for column in wanted]),
            [rows],
            [column.dtype for column in wanted],
        )
        for column in cells:
            column.set_shape(rows.shape)
        return {column.name: values for column, values in zip(wanted, cells, strict=True)}

    def _rows_of(self, groups: tf.Tensor, seed: tf.Tensor, shuffle: bool) -> tf.Tensor:
        """The numbers of the rows of groups, without bad ones if those are left out."""

        def numbers(groups: np.ndarray, seed: np.ndarray) -> np.ndarray:
            rows = np.concatenate([self._good_rows(int(group)) for group in groups])
            return np.random.default_rng(int(seed)).permutation(rows) if shuffle else rows

        rows = tf.numpy_function(numbers, [groups, seed], tf.int64)
        rows.set_shape([None])
        return rows

    def _good_rows(self, group: int) -> np.ndarray:
        start = self._start(group)
        if not self._skips_bad_rows:
            return np.arange(start, self._ends[group])
        is_bad = self._cells[group].is_bad
        self._skipped.assign_add(np.count_nonzero(is_bad))
        return start + np.flatnonzero(~is_bad)

    def _start(self, group: int) -> int:
        return int(self._ends[group]) - self._groups[group].rows

    def _look_up(self, rows: np.ndarray, names: Sequence[str]) -> list[tf.Tensor]:
        parts, order = [], []
        for cells, own, place in self._places(rows):
            parts.append([tf.gather(cells.tensors[name], own) for name in names])
            order.append(place.astype(np.int32))
        if len(parts) == 1:
            return parts[0]
        return [tf.dynamic_stitch(order, list(column)) for column in zip(*parts, strict=True)]

    def _places(self, rows: np.ndarray) -> Iterator[tuple[GroupCells, np.ndarray, np.ndarray]]:
        """The groups of rows, which rows of theirs they are, and their places among the rows."""
        groups = np.searchsorted(self._ends, rows, side="right")
        for group in np.unique(groups):
            cells = self._good_cells(int(group))
            place = np.flatnonzero(groups == group)
            yield cells, rows[place] - self._start(int(group)), place

    def _good_cells(self, group: int) -> GroupCells:
        cells = self._cells[group]
        if not self._skips_bad_rows and cells.is_bad.any():
            raise ValueError("A row is bad.")  # `find_failure` says which.
        return cells

    def _mixed_groups(self, sampler: Sampler | None) -> int:
        """How many groups have their rows mixed at a time."""
        mean_rows = self._ends[-1] / len(self._groups)
        return max(_CYCLE, math.ceil(self._buffer_size(sampler) / mean_rows))

    def _rows(self, group: RowGroup) -> FrameRows:
        return frame_rows(group.read(self._names), self.columns)

    def _load(self, group: RowGroup) -> GroupCells:
        return self._read_cells(group.read(self._names))

    def _read_cells(self, table: pa.Table) -> GroupCells:
        rows = frame_rows(table, self.columns)
        return GroupCells(rows.tensors(), rows.is_bad)
