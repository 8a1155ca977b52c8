"""Rows of Parquet files.

A file is read by row group, and of a group only the columns that are wanted. What is shuffled and
put into batches is the rows' numbers; their cells are looked up when a batch is made. So a shuffle
moves no cells, and mixes the groups, and all rows of a group, however small its buffer is.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfmtl.data import base, files
from tfmtl.data.columns import Column, columns_to_read
from tfmtl.data.frame_cells import Cells
from tfmtl.data.frame_rows import FrameRows, check_columns
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

# Groups whose rows a shuffle takes in turns.
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
    found = [file.path for file in files.find_files(paths, files.PARQUET)]
    heads = {path: _head(path) for path in found}
    names = [head.schema.to_arrow_schema().names for head in heads.values()]
    wanted = columns_to_read(columns, names, labels_required)
    for path, head in heads.items():
        _check_schema(path, head.schema.to_arrow_schema(), wanted)
    groups = [group for path, head in heads.items() for group in _groups(path, head)]
    if not groups:
        raise DataError(f"{paths}: should have a row at least. Received: {len(found)} empty files.")
    return ParquetSource(data_config, groups, wanted, sampler)


@dataclasses.dataclass(frozen=True)
class RowGroup:
    """A row group of a file.

    Attributes:
        path: The file.
        index: The group's place in it.
        first_row: The number of its first row in the file, from 0.
        rows: How many it has.
    """

    path: str
    index: int
    first_row: int
    rows: int

    def read(self, columns: Sequence[Column]) -> FrameRows:
        """Reads some of its columns.

        Raises:
            DataError: If the file is damaged.
        """
        names = [column.name for column in columns]
        with _clear_errors(self.path), _open(self.path) as file:
            table = pq.ParquetFile(file).read_row_group(self.index, columns=names)
        texts = {
            column.name: _read_texts(table[column.name])
            for column in columns
            if column.dtype == tf.string and _is_text(table[column.name].type)
        }
        others = table.drop_columns(list(texts))
        frame = others.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True)
        return FrameRows(frame, columns, texts)

    def place(self, row: int) -> str:
        """Where a row of the group stands, for messages."""
        return f"{self.path}: row {self.first_row + row + 1}"


class ParquetSource(base.Source):
    """Rows of Parquet files.

    Args:
        data_config: How to read them.
        groups: Their row groups, in the order of the data, each with a row at least.
        columns: The columns to read.
        sampler: Decides how often a row appears.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        groups: Sequence[RowGroup],
        columns: tuple[Column, ...],
        sampler: Sampler | None = None,
    ) -> None:
        super().__init__(data_config, columns, sampler)
        self._groups = list(groups)
        self._ends = np.cumsum([group.rows for group in groups])
        self._cells = _Cache(self._groups, columns, self._kept_groups(sampler))

    def place(self, row: int) -> str:
        group = int(np.searchsorted(self._ends, row, side="right"))
        return self._groups[group].place(row - self._start(group))

    def bad_row_error(self) -> DataError | None:
        try:
            errors = (group.read(self.columns).first_error(group.place) for group in self._groups)
            return next(filter(None, errors), None)
        except DataError as damage:
            return damage

    def _read_through(self) -> None:
        for group in self._groups:
            group.read(self.columns)

    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        listing = tf.data.Dataset.range(len(self._groups))
        if not shuffle:
            return listing.flat_map(lambda group: _slices(self._good_rows(group)))
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
        listing = listing.shuffle(len(self._groups), seed=seed)

        def mixed(group: tf.Tensor, seed: tf.Tensor) -> tf.data.Dataset:
            rows = self._good_rows(group)
            return _slices(tf.random.experimental.stateless_shuffle(rows, [seed, 0]))

        cycle = min(_CYCLE, len(self._groups))
        return tf.data.Dataset.zip((listing, seeds)).interleave(mixed, cycle_length=cycle)

    def _buffer_size(self, sampler: Sampler | None) -> int:
        copies = sampler.most_copies if sampler else 1
        return min(self._config.shuffle_buffer_size, int(self._ends[-1]) * copies)

    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> base.Rows:
        (rows,) = batch
        wanted = [column for column in self.columns if column.name in names]
        cells = tf.py_function(
            lambda rows: self._look_up(rows.numpy(), [column.name for column in wanted]),
            [rows],
            [column.dtype for column in wanted],
        )
        for column in cells:
            column.set_shape(rows.shape)
        return {column.name: values for column, values in zip(wanted, cells, strict=True)}

    def _good_rows(self, group: tf.Tensor) -> tf.Tensor:
        """The numbers of a group's rows, without bad ones if those are left out."""
        if not self._skips_bad_rows:
            ends = tf.constant(self._ends)
            start = tf.where(group == 0, tf.constant(0, tf.int64), ends[tf.maximum(group, 1) - 1])
            return tf.range(start, ends[group])
        rows = tf.py_function(lambda group: self._count_bad(int(group)), [group], tf.int64)
        rows.set_shape([None])
        return rows

    def _count_bad(self, group: int) -> np.ndarray:
        is_bad = self._cells[group].is_bad
        self._skipped.assign_add(np.count_nonzero(is_bad))
        return self._start(group) + np.flatnonzero(~is_bad)

    def _start(self, group: int) -> int:
        return int(self._ends[group]) - self._groups[group].rows

    def _look_up(self, rows: np.ndarray, names: Sequence[str]) -> list[tf.Tensor]:
        groups = np.searchsorted(self._ends, rows, side="right")
        present = np.unique(groups)
        places = [np.flatnonzero(groups == group) for group in present]
        parts = []
        for group, place in zip(present, places, strict=True):
            cells = self._cells[int(group)]
            if not self._skips_bad_rows and cells.is_bad.any():
                raise ValueError("A row is bad.")  # `find_failure` says which.
            own = rows[place] - self._start(int(group))
            parts.append([tf.gather(cells.tensors[name], own) for name in names])
        if len(parts) == 1:
            return parts[0]
        order = [place.astype(np.int32) for place in places]
        return [tf.dynamic_stitch(order, list(column)) for column in zip(*parts, strict=True)]

    def _kept_groups(self, sampler: Sampler | None) -> int:
        """How many groups the rows under way come from: of the cycle and of a shuffle's buffer."""
        smallest = min(group.rows for group in self._groups)
        return 2 * _CYCLE + -(-self._buffer_size(sampler) // smallest)


@dataclasses.dataclass(frozen=True)
class _Cells:
    """What was read of a group."""

    tensors: dict[str, tf.Tensor]
    is_bad: np.ndarray


class _Cache:
    """The groups that were last asked for, in memory."""

    def __init__(self, groups: Sequence[RowGroup], columns: Sequence[Column], kept: int) -> None:
        self._groups, self._columns, self._kept = groups, columns, kept
        self._cells: collections.OrderedDict[int, _Cells] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, group: int) -> _Cells:
        with self._lock:
            if group not in self._cells:
                rows = self._groups[group].read(self._columns)
                self._cells[group] = _Cells(rows.tensors(), rows.is_bad)
            self._cells.move_to_end(group)
            while len(self._cells) > self._kept:
                self._cells.popitem(last=False)
            return self._cells[group]


# Integers with nulls would become floats, and lose digits.
_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)


def _read_texts(cells: pa.ChunkedArray) -> Cells:
    """A column of texts, of which each text becomes bytes of Python once; null ones are empty."""
    encoded = cells.cast(pa.large_binary()).combine_chunks().dictionary_encode()
    texts = np.array([*encoded.dictionary.to_pylist(), b""], dtype=object)
    places = encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    return Cells(texts[places], np.zeros(len(cells), dtype=bool))


def _slices(rows: tf.Tensor) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(rows)


def _head(path: str) -> pq.FileMetaData:
    with _clear_errors(path), _open(path) as file:
        return pq.ParquetFile(file).metadata


def _groups(path: str, head: pq.FileMetaData) -> Iterator[RowGroup]:
    sizes = [head.row_group(index).num_rows for index in range(head.num_row_groups)]
    starts = itertools.accumulate([0, *sizes])
    for index, (start, size) in enumerate(zip(starts, sizes, strict=False)):
        if size:
            yield RowGroup(path, index, start, size)


def _check_schema(path: str, schema: pa.Schema, columns: Sequence[Column]) -> None:
    check_columns(path, schema.names, columns)
    for column in columns:
        kind = schema.field(column.name).type
        if pa.types.is_nested(kind):
            raise DataError(
                f"{path}: column `{column.name}` should have one value a row. Received: {kind}. "
                "Write a list as text with a separator."
            )


@contextlib.contextmanager
def _open(path: str) -> Iterator[pa.NativeFile]:
    """A file on any file system that TensorFlow knows, as Arrow reads it."""
    with tf.io.gfile.GFile(path, "rb") as file:
        file.closed = False  # Arrow asks.
        yield pa.PythonFile(file, mode="r")


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    """Tells of a damaged file in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, tf.errors.OpError) as error:
        told = str(error).splitlines()[0]
        raise DataError(f"{path}: should be a whole Parquet file. Received: {told}") from error


def stored_kinds(path: str) -> dict[str, str]:
    """What the columns of a file hold: `whole`, `number`, `truth`, `text`, or Arrow's own word."""
    schema = _head(path).schema.to_arrow_schema()
    return {field.name: _stored_kind(field.type) for field in schema}


def _stored_kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return "whole"
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "truth"
    return "text" if _is_text(kind) else str(kind)
