"""A first look at data that no config describes yet: its columns, and some of its rows as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from tfmtl.data import (
    complaints,
    files,
    headers,
    parquet_cells,
    parquet_files,
    tfrecord_source,
)
from tfmtl.data.base import translate_errors
from tfmtl.data.columns import Column
from tfmtl.data.dialect import Dialect
from tfmtl.data.kinds import kind_of
from tfmtl.data.source import open_source
from tfmtl.errors import DataError
from tfmtl.protos.dataset_pb2 import DatasetConfig

TEXT = "text"
_BATCH = 1000
_READABLE = ("text", "whole", "number", "truth")
_TFRECORD = (".tfrecord", ".tfrecords", ".tfrecord.gz", ".tfrecords.gz")
_SEPARATORS = (",", "\t", ";", "|", "\x01")


@dataclasses.dataclass(frozen=True)
class Look:
    """What a first look shows.

    Attributes:
        reading: How the data is read: kind, separator, header, compression.
        stored: What each column holds: `whole`, `number`, `truth`, `text`; any other word for one
            that has no single value a row.
        cells: Of each column that can be read some cells, as text; "" for an empty one.
        rows: How many cells there are of each.
        is_all: Whether these are all rows.
    """

    reading: DatasetConfig
    stored: Mapping[str, str]
    cells: Mapping[str, list[str]]
    rows: int
    is_all: bool

    @property
    def is_text(self) -> bool:
        """Whether the files are text, whose cells are of any type that they can be read as."""
        return self.reading.input_type == DatasetConfig.CSVInput


def look_at(paths: str, labels: Sequence[str], most_rows: int) -> Look:
    """Looks at the columns of data and at its first rows.

    Args:
        paths: Files of one format, as `train_input_path` names them: CSV with a header, Parquet or
            TFRecord.
        labels: Columns that should be there, which tell the separator of CSV.
        most_rows: How many rows to look at.

    Raises:
        DataError: If they cannot be read, are encoded or have no row; or a header names a column
            twice.
    """
    found = [file.path for file in files.find_files(paths)]
    if files.is_parquet(found[0]):
        reading = DatasetConfig(input_type=DatasetConfig.ParquetInputV2)
        _check_is_raw(found[0])
        stored = parquet_cells.stored_kinds(found[0])
    elif found[0].endswith(_TFRECORD):
        packing = tfrecord_source.packing_of(found[0])
        reading = DatasetConfig(
            input_type=DatasetConfig.TFRecordInput, data_compression_type=packing
        )
        stored = tfrecord_source.stored_kinds(found, packing)
    else:
        reading, stored = _look_at_csv(paths, labels)
    return _with_rows(paths, reading, stored, most_rows)


def _check_is_raw(path: str) -> None:
    if parquet_files.read_head(path).encoder:
        rule = "should have raw columns. Received: features that `convert --encoded` encoded"
        raise DataError(f"{path}: {rule}. Look at the data that they are made of.")


def _look_at_csv(paths: str, labels: Sequence[str]) -> tuple[DatasetConfig, dict[str, str]]:
    path = files.find_files(paths, files.TEXT)[0].path
    line = next(files.read_lines(path), b"")
    if not line.strip():
        raise DataError(f"{path}: should have a header and rows. Received: an empty first line.")
    separator = _separator(line.decode("utf-8", "replace"), labels)
    dialect = Dialect(separator, has_quotes=True)
    names = headers.read_header(path, line, dialect)
    columns = [Column(name, kind_of(DatasetConfig.STRING), "") for name in names]
    headers.check_header(path, names, columns, dialect)
    reading = DatasetConfig(input_type=DatasetConfig.CSVInput, with_header=True)
    if separator != ",":
        reading.separator = separator
    return reading, dict.fromkeys(names, TEXT)


def _separator(header: str, labels: Sequence[str]) -> str:
    """The separator that makes the labels cells of a header, or else the most cells."""

    def has_labels(cells: list[str]) -> bool:
        return set(labels) <= {cell.strip().strip('"') for cell in cells}

    most = max(_SEPARATORS, key=header.count)
    return complaints.guess_separator(header, has_labels) or most


def _with_rows(
    paths: str, reading: DatasetConfig, stored: Mapping[str, str], most_rows: int
) -> Look:
    names = [name for name, kind in stored.items() if name and kind in _READABLE]
    as_text = DatasetConfig()
    as_text.CopyFrom(reading)
    for name in names:
        as_text.input_fields.add(input_name=name)
    cells: dict[str, list[str]] = {name: [] for name in names}
    rows = 0
    for batch in _batches(as_text, paths, most_rows + 1) if names else ():
        rows += len(next(iter(batch.values())))
        for name in names:
            cells[name] += [each.decode("utf-8", "replace") for each in batch[name].numpy()]
    if names and not rows:
        raise DataError(f"{paths}: should have a row at least. Received: columns without rows.")
    kept = {name: column[:most_rows] for name, column in cells.items()}
    return Look(reading, stored, kept, min(rows, most_rows), rows <= most_rows)


def _batches(reading: DatasetConfig, paths: str, rows: int) -> Iterator[dict[str, tf.Tensor]]:
    source = open_source(reading, paths)
    with translate_errors(source):
        yield from source.dataset(_BATCH).take(-(-rows // _BATCH))
