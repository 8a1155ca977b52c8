"""Rows of CSV files.

Lines are read one by one, mixed and put into batches; one op parses a batch. So a shuffle mixes
rows and not batches of them, and the parsing, which takes most of the time, runs in parallel.
"""

from __future__ import annotations

import collections
import itertools
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tfmtl.data import base, complaints, files, headers
from tfmtl.data.columns import Column, columns_to_read, declared_columns
from tfmtl.data.dialect import dialect_of
from tfmtl.data.layout import Layout
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

_logger = logging.getLogger(__name__)

_READ_BYTES = 1 << 18


def open_csv(
    data_config: dataset_pb2.DatasetConfig,
    paths: str,
    columns: Sequence[Column],
    labels_required: bool,
    sampler: Sampler | None = None,
) -> CsvSource:
    """Finds the files and what stands where in each.

    Raises:
        DataError: If a file is missing or empty, or lacks a column.
    """
    starts = _read_starts(paths, data_config.with_header)
    dialect = dialect_of(data_config)
    declared = declared_columns(data_config)
    names = {
        path: headers.read_header(path, lines[0], dialect)
        if data_config.with_header
        else headers.order_without_header(path, lines[0], declared, dialect, labels_required)
        for path, lines in starts.items()
    }
    read = columns_to_read(columns, names.values(), labels_required)
    for path in names:
        headers.check_header(path, names[path], read, dialect)
    layouts = [Layout(dialect, names[path], read) for path in names]
    return CsvSource(data_config, list(names), layouts, sampler)


class CsvSource(base.Source):
    """Rows of CSV files.

    Args:
        data_config: How to read them.
        paths: The files, each with a row at least.
        layouts: The order of columns in each file.
        sampler: Decides how often a row appears.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        paths: Sequence[str],
        layouts: Sequence[Layout],
        sampler: Sampler | None = None,
    ) -> None:
        super().__init__(data_config, layouts[0].columns, sampler)
        self._paths = list(paths)
        self._layouts = list(dict.fromkeys(layouts))
        self._layout_of_path = [self._layouts.index(layout) for layout in layouts]
        self._header_lines = int(data_config.with_header)

    def place(self, row: int) -> str:
        places = (
            f"{path}:{number}" for path, _, rows in self._numbered_rows() for number, _ in rows
        )
        return next(itertools.islice(places, row, None))

    def bad_row_error(self) -> DataError | None:
        _logger.info("Looking for the first bad row in %d files.", len(self._paths))
        try:
            return next(self._bad_rows(), None)
        except DataError as damage:
            return damage

    def _read_through(self) -> None:
        for path in self._paths:
            collections.deque(files.read_lines(path), maxlen=0)

    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        return self._leave_out_bad(self._rows_of_files(shuffle, seed))

    def _buffer_size(self, sampler: Sampler | None) -> int:
        # No line is without a byte, that of its end.
        most = sum(files.most_bytes(path, files.is_gzip(path)) for path in self._paths)
        return self._buffer_of(most, sampler)

    def _rows_of_files(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        packings = ["GZIP" if files.is_gzip(path) else "" for path in self._paths]
        if len(self._paths) == 1:
            return self._read_file(self._paths[0], packings[0], self._layout_of_path[0])
        listing = tf.data.Dataset.from_tensor_slices((self._paths, packings, self._layout_of_path))
        if not shuffle:
            return listing.flat_map(self._read_file)
        # The files are read in turns, a line at a time, which mixes them better than any buffer
        # could. Reading them in parallel was slower: its queues hand over line by line.
        listing = listing.shuffle(len(self._paths), seed=seed)
        cycle = min(max(1, self._config.num_parallel_calls), len(self._paths))
        return listing.interleave(self._read_file, cycle_length=cycle)

    def _read_file(self, path: tf.Tensor, packing: tf.Tensor, layout: tf.Tensor) -> tf.data.Dataset:
        lines = _lines(path, packing)
        if self._header_lines:
            lines = lines.skip(self._header_lines)
        if len(self._layouts) == 1:
            return lines
        return tf.data.Dataset.zip((lines, tf.data.Dataset.from_tensors(layout).repeat()))

    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> base.Rows:
        return self._by_layout(lambda layout, lines: layout.only(names).decode(lines), *batch)

    def _leave_out_bad(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        if not self._skips_bad_rows:
            return rows
        return (
            rows.batch(base.CHUNK)
            .map(self._good_rows, num_parallel_calls=self._parallel_calls, deterministic=True)
            .unbatch()
        )

    def _good_rows(self, *batch: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, ...]:
        good = self._by_layout(Layout.is_good, *batch)
        self._skipped.assign_add(tf.math.count_nonzero(~good))
        kept = tuple(tf.boolean_mask(rows, good) for rows in batch)
        return kept if len(kept) > 1 else kept[0]

    def _by_layout(
        self,
        read: Callable[[Layout, tf.Tensor], Any],
        lines: tf.Tensor,
        which: tf.Tensor | None = None,
    ) -> Any:
        """Reads each line as its own file's layout says, and keeps their order."""
        if which is None:
            return read(self._layouts[0], lines)
        places = [tf.where(which == index)[:, 0] for index in range(len(self._layouts))]
        parts = [
            read(layout, tf.gather(lines, place))
            for layout, place in zip(self._layouts, places, strict=True)
        ]
        order = [tf.cast(place, tf.int32) for place in places]
        return tf.nest.map_structure(lambda *values: tf.dynamic_stitch(order, values), *parts)

    def _bad_rows(self) -> Iterator[DataError]:
        for path, layout, rows in self._numbered_rows():
            for number, line in _bad_lines(layout, rows):
                text = line.decode("utf-8", "backslashreplace")
                yield DataError(f"{path}:{number}: {complaints.about_line(layout, text)}")

    def _numbered_rows(self) -> Iterator[tuple[str, Layout, Iterator[tuple[int, bytes]]]]:
        """The files, and their rows with the numbers of their lines."""
        for path, index in zip(self._paths, self._layout_of_path, strict=True):
            lines = enumerate(files.read_lines(path), start=1)
            yield path, self._layouts[index], itertools.islice(lines, self._header_lines, None)


def _lines(path: tf.Tensor, packing: tf.Tensor) -> tf.data.Dataset:
    """The lines of a file.

    `tf.data.TextLineDataset` goes through a list of files, which costs as much as reading a line.
    """
    variant = tf.raw_ops.TextLineDataset(
        filenames=path, compression_type=packing, buffer_size=_READ_BYTES
    )
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))


def _read_starts(paths: str, with_header: bool) -> dict[str, list[bytes]]:
    """The first lines of each file that has a row."""
    found = files.find_files(paths, files.TEXT)
    starts = {}
    for file in found:
        lines = list(itertools.islice(files.read_lines(file.path), 2))
        if len(lines) > int(with_header):
            starts[file.path] = lines
        elif file.is_named:
            received = "a header only" if lines else "an empty file"
            raise DataError(f"{file.path}: should have a row at least. Received: {received}.")
    if not starts:
        raise DataError(f"{paths}: should have a row at least. Received: {len(found)} empty files.")
    return starts


def _bad_lines(layout: Layout, rows: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The numbered lines that a layout cannot decode."""
    while chunk := list(itertools.islice(rows, base.CHUNK)):
        good = layout.is_good(tf.constant([line for _, line in chunk])).numpy()
        yield from (row for row, is_good in zip(chunk, good, strict=True) if not is_good)
