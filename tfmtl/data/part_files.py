"""Folders of files of rows, written part by part, and there only when complete."""

from __future__ import annotations

import abc
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfmtl import config
from tfmtl.data.examples import serialized_examples
from tfmtl.errors import DataError

# Rows and bytes of a row group at most: what a reader holds several of in memory.
GROUP_ROWS = 1 << 16
GROUP_BYTES = 1 << 26
PARQUET, TFRECORD = "parquet", "tfrecord"
COMPRESSIONS = {PARQUET: ("zstd", "snappy", "gzip", "none"), TFRECORD: ("GZIP", "ZLIB", "none")}
"""The compressions of each kind of files, of which the first is the usual one."""


class PartFile(abc.ABC):
    """A file that is being written.

    Args:
        path: Where.
        schema: Its columns.
        compression: One of `COMPRESSIONS`.
    """

    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        self.path = path
        self.schema = schema
        self.compression = compression

    @abc.abstractmethod
    def write(self, rows: pa.Table) -> None:
        """Appends rows, as one group where the format has such."""

    @abc.abstractmethod
    def close(self) -> None:
        """Completes the file."""


class ParquetPart(PartFile):
    """A Parquet file."""

    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        super().__init__(path, schema, compression)
        self._writer = pq.ParquetWriter(path, schema, compression=compression)

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows, row_group_size=len(rows))

    def close(self) -> None:
        self._writer.close()


class TFRecordPart(PartFile):
    """A TFRecord file of `tf.train.Example`."""

    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        super().__init__(path, schema, compression)
        packing = "" if compression == "none" else compression
        self._writer = tf.io.TFRecordWriter(str(path), packing)

    def write(self, rows: pa.Table) -> None:
        for record in serialized_examples(rows):
            self._writer.write(record)

    def close(self) -> None:
        self._writer.close()


_KINDS: dict[str, Callable[[Path, pa.Schema, str], PartFile]] = {
    PARQUET: ParquetPart,
    TFRECORD: TFRecordPart,
}


class Parts:
    """The files of a folder, of which one is being written at a time.

    Args:
        folder: Where.
        kind: `PARQUET` or `TFRECORD`.
        schema: The columns of the rows.
        compression: One of `COMPRESSIONS`.
        file_rows: Rows of a file; the last group of rows may be beyond.
    """

    def __init__(
        self, folder: Path, kind: str, schema: pa.Schema, compression: str, file_rows: int
    ) -> None:
        self.files = 0
        self.rows = 0
        self._folder, self._kind = folder, kind
        self._schema, self._compression = schema, compression
        self._file_rows = file_rows
        self._group_rows = min(GROUP_ROWS, file_rows)
        self._waiting: list[pa.Table] = []
        self._file: PartFile | None = None
        self._rows_in_file = 0

    def write(self, rows: pa.Table) -> None:
        """Appends rows."""
        self._waiting.append(rows)
        while sum(map(len, self._waiting)) >= self._group_rows:
            waiting = pa.concat_tables(self._waiting)
            self._write_group(waiting.slice(0, self._group_rows))
            self._waiting = [waiting.slice(self._group_rows)]
        if sum(each.nbytes for each in self._waiting) >= GROUP_BYTES:
            self._write_waiting()

    def close(self) -> None:
        """Completes the last file."""
        self._write_waiting()
        self._close_file()

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if any(map(len, waiting)):
            self._write_group(pa.concat_tables(waiting))

    def _write_group(self, rows: pa.Table) -> None:
        if self._file is None:
            path = self._folder / f"part-{self.files:05d}.{self._kind}"
            self._file = _KINDS[self._kind](path, self._schema, self._compression)
            self.files += 1
        self._file.write(rows)
        self.rows += len(rows)
        self._rows_in_file += len(rows)
        if self._rows_in_file >= self._file_rows:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rows_in_file = None, 0


@contextlib.contextmanager
def part_files(
    folder: Path, kind: str, schema: pa.Schema, compression: str = "", file_rows: int = 1 << 20
) -> Iterator[Parts]:
    """Opens a folder of files, which appears under its name when all is written.

    Args:
        folder: Where: a name that nothing has yet, or that of an empty folder.
        kind: `PARQUET` or `TFRECORD`.
        schema: The columns of the rows.
        compression: One of `COMPRESSIONS`; the usual one by default.
        file_rows: Rows of a file, about.

    Raises:
        DataError: If the folder is there already, or cannot be written.
    """
    check_new_folder(folder)
    packing = compression or COMPRESSIONS[kind][0]
    _check_compression(kind, packing)
    aside = config.aside(folder)
    try:
        aside.mkdir()
        parts = Parts(aside, kind, schema, packing, file_rows)
        with contextlib.closing(parts):
            yield parts
        aside.replace(folder)
    except (OSError, pa.ArrowException, tf.errors.OpError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else error  # Arrow's words are many.
        raise DataError(f"The rows `{folder}` could not be written: {reason}.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_new_folder(folder: Path) -> None:
    """Raises if a folder of files cannot be written under this name.

    Raises:
        DataError: With the reason.
    """
    if not folder.parent.is_dir():
        raise DataError(f"The output should be in a folder that exists. Received: `{folder}`.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(
            f"The output should be a new folder. Received: `{folder}`, which is there already."
        )


def _check_compression(kind: str, compression: str) -> None:
    known = COMPRESSIONS[kind]
    if compression not in known:
        wanted = f"{', '.join(known[:-1])} or {known[-1]}"
        raise DataError(f"The compression of {kind} should be {wanted}. Received: {compression}.")
