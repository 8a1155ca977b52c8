"""Rows of TFRecord files, a `tf.train.Example` each.

A column is a feature of the Example with one value, or none for an empty cell. It is stored as
whole numbers, as floats (of 32 bits) or as bytes; numbers may be stored as text, and truth values
as any of them. All records store a column alike; the first ones tell how.
"""

from __future__ import annotations

import collections
import itertools
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmtl.data import base, complaints, files
from tfmtl.data.columns import Column, columns_to_read
from tfmtl.data.frame_rows import check_columns
from tfmtl.data.samplers import Sampler
from tfmtl.errors import DataError
from tfmtl.protos import dataset_pb2

_logger = logging.getLogger(__name__)

# Records that are looked at to see how columns are stored.
_SAMPLE = 1000
_LEAST_BYTES = 16  # Of a record: those of its length and of the checksums.
_PACKINGS = ("", "GZIP", "ZLIB")
_LISTS = {"int64_list": tf.int64, "float_list": tf.float32, "bytes_list": tf.string}
_STORED_AS = {tf.int64: "whole numbers", tf.float32: "floats", tf.string: "bytes"}


def open_tfrecords(
    data_config: dataset_pb2.DatasetConfig,
    paths: str,
    columns: Sequence[Column],
    labels_required: bool,
    sampler: Sampler | None = None,
) -> TFRecordSource:
    """Finds the files and how their columns are stored.

    Raises:
        DataError: If a file is missing or damaged, there is no record, or no record has a column.
    """
    found = [file.path for file in files.find_files(paths, files.TFRECORD)]
    packing = data_config.data_compression_type
    first = [record for _, _, record in itertools.islice(_records(found, packing), _SAMPLE)]
    if not first:
        raise DataError(f"{paths}: should have a record at least. Received: none.")
    stored = _storage([example for record in first if (example := _parsed(record)) is not None])
    wanted = columns_to_read(columns, [stored], labels_required)
    check_columns(paths, sorted(stored), wanted)
    return TFRecordSource(data_config, found, wanted, stored, sampler)


class TFRecordSource(base.Source):
    """Rows of TFRecord files.

    Args:
        data_config: How to read them.
        paths: The files.
        columns: The columns to read.
        stored: How each column is stored: as int64, float32 or string; None if it is not known.
        sampler: Decides how often a row appears.
    """

    def __init__(
        self,
        data_config: dataset_pb2.DatasetConfig,
        paths: Sequence[str],
        columns: tuple[Column, ...],
        stored: Mapping[str, tf.DType | None],
        sampler: Sampler | None = None,
    ) -> None:
        super().__init__(data_config, columns, sampler)
        self._paths = list(paths)
        self._packing = data_config.data_compression_type
        self._stored = {c.name: stored[c.name] or _usual_storage(c) for c in columns}

    def place(self, row: int) -> str:
        path, number, _ = next(itertools.islice(self._numbered(), row, None))
        return f"{path}: record {number}"

    def bad_row_error(self) -> DataError | None:
        _logger.info("Looking for the first bad record in %d files.", len(self._paths))
        try:
            for path, number, record in self._numbered():
                problem = self._problem(record)
                if problem:
                    return DataError(f"{path}: record {number}: {problem}")
        except DataError as damage:
            return damage
        return None

    def _read_through(self) -> None:
        collections.deque(self._numbered(), maxlen=0)

    def _read(self, shuffle: bool, seed: int) -> tf.data.Dataset:
        listing = tf.data.Dataset.from_tensor_slices(self._paths)
        if shuffle:
            listing = listing.shuffle(len(self._paths), seed=seed)
        cycle = min(max(1, self._config.num_parallel_calls), len(self._paths)) if shuffle else 1
        records = listing.interleave(self._read_file, cycle_length=cycle)
        return self._leave_out_bad(records) if self._skips_bad_rows else records

    def _read_file(self, path: tf.Tensor) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(path, compression_type=self._packing)

    def _buffer_size(self, sampler: Sampler | None) -> int:
        most = sum(files.most_bytes(path, bool(self._packing)) for path in self._paths)
        return self._buffer_of(most // _LEAST_BYTES, sampler)

    def _decode(self, names: Collection[str], *batch: tf.Tensor) -> base.Rows:
        (records,) = batch
        columns = [column for column in self.columns if column.name in names]
        # A sparse column has no value in an empty cell, which no value could say of all types.
        wanted = {c.name: tf.io.VarLenFeature(self._stored[c.name]) for c in columns}
        parsed = tf.io.parse_example(records, wanted)
        return {column.name: _read(parsed[column.name], column) for column in columns}

    def _leave_out_bad(self, records: tf.data.Dataset) -> tf.data.Dataset:
        def good(chunk: tf.Tensor) -> tf.Tensor:
            is_good = tf.numpy_function(self._are_good, [chunk], tf.bool)
            is_good.set_shape([None])
            self._skipped.assign_add(tf.math.count_nonzero(~is_good))
            return tf.boolean_mask(chunk, is_good)

        chunks = records.batch(base.CHUNK)
        return chunks.map(good, self._parallel_calls, deterministic=True).unbatch()

    def _are_good(self, records: Sequence[bytes]) -> np.ndarray:
        return np.array([self._problem(record) is None for record in records])

    def _problem(self, record: bytes) -> str | None:
        """What is wrong with a record, in a sentence; None if nothing is."""
        example = _parsed(record)
        if example is None:
            return f"should be a tf.train.Example. Received: other bytes. {complaints.FIX}"
        problems = (_cell_problem(example, c, self._stored[c.name]) for c in self.columns)
        return next(filter(None, problems), None)

    def _numbered(self) -> Iterator[tuple[str, int, bytes]]:
        return _records(self._paths, self._packing)


def _records(paths: Sequence[str], packing: str) -> Iterator[tuple[str, int, bytes]]:
    """The records of files, with the file and their number in it, from 1."""
    for path in paths:
        number = 0
        try:
            for record in tf.data.TFRecordDataset(path, packing).as_numpy_iterator():
                number += 1
                yield path, number, record
        except (tf.errors.DataLossError, tf.errors.OpError) as error:
            kind = f"{packing} TFRecord" if packing else "TFRecord"
            raise DataError(
                f"{path}: should be a whole {kind} file. Received: damaged data after record "
                f"{number}. Write it again, or see `data_config.data_compression_type`."
            ) from error


def _parsed(record: bytes) -> tf.train.Example | None:
    try:
        return tf.train.Example.FromString(record)
    except Exception:  # Of protobuf, whose name differs between its implementations.
        return None


def _storage(examples: Sequence[tf.train.Example]) -> dict[str, tf.DType | None]:
    """How each column is stored, as the first record says that has a value; None if none has."""
    stored: dict[str, tf.DType | None] = {}
    for example in examples:
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            stored.setdefault(name, None)
            if stored[name] is None and kind and getattr(feature, kind).value:
                stored[name] = _LISTS[kind]
    return stored


def _usual_storage(column: Column) -> tf.DType:
    dtype = column.kind.csv_dtype
    if dtype == tf.string:
        return dtype
    return tf.int64 if dtype.is_integer else tf.float32


def _read(cells: tf.SparseTensor, column: Column) -> tf.Tensor:
    """A parsed column as values, `(batch,)`."""
    # tf.data raises it as an InvalidArgumentError, as the parser of a record does.
    tf.debugging.assert_less(cells.indices[:, 1], tf.constant(1, tf.int64), "Several values.")
    values = _as_kind(cells.values, column)
    rows = cells.dense_shape[0]
    default = tf.constant(column.csv_default, column.kind.csv_dtype)
    filled = tf.tensor_scatter_nd_update(tf.fill([rows], default), cells.indices[:, :1], values)
    return column.fill(filled)


def _as_kind(values: tf.Tensor, column: Column) -> tf.Tensor:
    """Stored values in the type that the column's kind reads."""
    wanted = column.kind.csv_dtype
    if wanted == tf.string:
        return values if values.dtype == tf.string else _text(values)
    if values.dtype == tf.string:
        pattern = f"(?:{column.kind.pattern})?"
        tf.debugging.Assert(tf.reduce_all(tf.strings.regex_full_match(values, pattern)), ["Bad."])
        is_empty = values == ""
        numbers = tf.strings.to_number(tf.where(is_empty, "0", tf.strings.strip(values)), wanted)
        return tf.where(is_empty, tf.constant(column.csv_default, wanted), numbers)
    cast = tf.cast(values, wanted)
    if wanted.is_integer:
        tf.debugging.assert_equal(tf.cast(cast, values.dtype), values, "None of its type.")
    return cast


def _text(values: tf.Tensor) -> tf.Tensor:
    """Numbers as a CSV file has them: whole floats as whole numbers."""
    if values.dtype.is_integer:
        return tf.strings.as_string(values)
    is_whole = (values == tf.floor(values)) & (tf.abs(values) < 2.0**62)
    whole = tf.strings.as_string(tf.cast(tf.where(is_whole, values, 0.0), tf.int64))
    return tf.where(is_whole, whole, tf.strings.as_string(values, shortest=True))


def _cell_problem(example: tf.train.Example, column: Column, stored: tf.DType) -> str | None:
    feature = example.features.feature.get(column.name)
    kind = feature.WhichOneof("kind") if feature is not None else None
    values = list(getattr(feature, kind).value) if kind else []
    if kind is None or not values:
        return None
    name = f"column `{column.name}`"
    if _LISTS[kind] != stored:
        others, own = _STORED_AS[stored], _STORED_AS[_LISTS[kind]]
        return f"{name} should be stored as {others}, as it was before. Received: {own}."
    if len(values) > 1:
        advice = "Join the values of a list with their feature's `separator`."
        return f"{name} should have one value. Received: {len(values)}. {advice}"
    return _value_problem(values[0], column)


def _value_problem(value: int | float | bytes, column: Column) -> str | None:
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        is_good = not text or column.kind.takes(text)
    else:
        text = str(value)
        is_good = bool(column.kind.holds(np.array([value]))[0])
    return None if is_good else complaints.about_cell(column, text)


def packing_of(path: str) -> str:
    """How a file is compressed: by what makes its first record one, or "" if nothing does."""
    for packing in _PACKINGS:
        try:
            next(_records([path], packing), None)
        except DataError:
            continue
        return packing
    return ""


def stored_kinds(paths: Sequence[str], packing: str) -> dict[str, str]:
    """What the columns of files hold: `whole`, `number`, `text`, or words for several values."""
    first = [record for _, _, record in itertools.islice(_records(paths, packing), _SAMPLE)]
    examples = [example for record in first if (example := _parsed(record)) is not None]
    words = {tf.int64: "whole", tf.float32: "number", tf.string: "text", None: "text"}
    kinds = {name: words[stored] for name, stored in _storage(examples).items()}
    for example in examples:
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            if kind and len(getattr(feature, kind).value) > 1:
                kinds[name] = "lists"
    return kinds
