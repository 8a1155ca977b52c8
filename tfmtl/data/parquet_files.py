"""Parquet files: where they are, their row groups, and what is told of one that is damaged."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfmtl.data import files, remote
from tfmtl.errors import DataError

# Where an encoded file says what it was made with.
_ENCODER = b"tfmtl.encoder"


@dataclasses.dataclass(frozen=True)
class ParquetFile:
    """A file.

    Attributes:
        path: Where it is.
        head: What it says of itself.
    """

    path: str
    head: pq.FileMetaData

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self.head.schema.to_arrow_schema()

    @property
    def encoder(self) -> dict[str, str]:
        """The fingerprints of its features by their names; none if it is not encoded."""
        text = (self.schema.metadata or {}).get(_ENCODER)
        return json.loads(text)["features"] if text else {}

    def groups(self) -> Iterator[RowGroup]:
        """Its row groups that have a row, in their order."""
        sizes = [self.head.row_group(index).num_rows for index in range(self.head.num_row_groups)]
        starts = itertools.accumulate([0, *sizes])
        for index, (start, size) in enumerate(zip(starts, sizes, strict=False)):
            if size:
                yield RowGroup(self, index, start, size)


@dataclasses.dataclass(frozen=True)
class RowGroup:
    """A row group of a file.

    Attributes:
        file: The file.
        index: The group's place in it.
        first_row: The number of its first row in the file, from 0.
        rows: How many it has.
    """

    file: ParquetFile
    index: int
    first_row: int
    rows: int

    def read(self, names: Sequence[str]) -> pa.Table:
        """Reads some of its columns.

        Raises:
            DataError: If the file is damaged.
        """
        path = self.file.path
        with _clear_errors(path), _open(path) as file:
            # From afar, one request for all columns is faster than many.
            read = pq.ParquetFile(file, metadata=self.file.head, pre_buffer="://" in path)
            return read.read_row_group(self.index, columns=list(names))

    def place(self, row: int) -> str:
        """Where a row of the group stands, for messages."""
        return f"{self.file.path}: row {self.first_row + row + 1}"


def encoder_metadata(fingerprints: Mapping[str, str]) -> dict[bytes, bytes]:
    """What a schema has to say for `ParquetFile.encoder` to give these fingerprints."""
    return {_ENCODER: json.dumps({"features": dict(fingerprints)}).encode()}


def find_parquet(paths: str) -> list[ParquetFile]:
    """The files of a path of the config.

    Raises:
        DataError: If one is missing or damaged.
    """
    found = [file.path for file in files.find_files(paths, files.PARQUET)]
    return [read_head(path) for path in found]


def read_head(path: str) -> ParquetFile:
    """A file, of which nothing but its head is read.

    Raises:
        DataError: If it is missing or damaged.
    """
    with _clear_errors(path), _open(path) as file:
        return ParquetFile(path, pq.ParquetFile(file).metadata)


def row_groups(paths: str, found: Sequence[ParquetFile]) -> list[RowGroup]:
    """The row groups of files.

    Raises:
        DataError: If none has a row.
    """
    groups = [group for file in found for group in file.groups()]
    if not groups:
        raise DataError(f"{paths}: should have a row at least. Received: {len(found)} empty files.")
    return groups


@contextlib.contextmanager
def _open(path: str) -> Iterator[pa.NativeFile]:
    """A file on any file system that TensorFlow or fsspec knows, as Arrow reads it."""
    if remote.is_remote(path):
        with remote.open_remote(path) as file:
            yield pa.PythonFile(file, mode="r")
        return
    if "://" not in path:
        with pa.OSFile(path) as file:
            yield file
        return
    with tf.io.gfile.GFile(path, "rb") as file:
        file.closed = False  # Arrow asks.
        yield pa.PythonFile(file, mode="r")


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    """Tells of a damaged file in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, tf.errors.OpError) as error:
        told = remote.first_line(error)
        raise DataError(f"{path}: should be a whole Parquet file. Received: {told}") from error
