"""Which files a path of the config means, and how their lines are read outside of the pipeline.

A path is a comma-separated list of files, globs and directories, on any file system that
TensorFlow knows, and of Parquet files on any that fsspec knows. Globs and directories leave out
hidden files and `_SUCCESS`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from typing import IO, cast

import tensorflow as tf

from tfmtl.data import remote
from tfmtl.errors import DataError

# Found by their first bytes, so that nobody trains on the noise of a file in another format.
_FOREIGN = {
    b"PAR1": "a Parquet file. `input_type: ParquetInputV2` reads it",
    b"PK\x03\x04": "a zip archive. Unpack it, or pack the files as .gz",
    b"BZh": "packed with bzip2. Pack it as .gz",
    b"\xfd7zXZ": "packed with xz. Pack it as .gz",
    b"\x28\xb5\x2f\xfd": "packed with zstd. Pack it as .gz",
    b"\xff\xfe": "UTF-16 text. Save it as UTF-8",
    b"\xfe\xff": "UTF-16 text. Save it as UTF-8",
}
_GZIP = b"\x1f\x8b"
TEXT, PARQUET, TFRECORD, ANY = "text", "Parquet", "TFRecord", "any"
_PACKING_SHRINKS = 1032  # At most, of one character again and again.


@dataclasses.dataclass(frozen=True)
class File:
    """A file of data.

    Attributes:
        path: Where it is.
        is_named: Whether the user named it, rather than a glob or a directory that holds it.
    """

    path: str
    is_named: bool


def find_files(paths: str, form: str = ANY) -> list[File]:
    """Lists the files that a path of the config means, in its order, each glob's by name.

    A file that is found twice, such as by its name and by a glob, is there once.

    Args:
        paths: The path.
        form: What the files should hold: `TEXT`, `PARQUET`, `TFRECORD` or `ANY`.

    Raises:
        DataError: If a file is missing, a glob or directory has no file, or nothing is named.
    """
    parts = [paths] if _is_file(paths) else [part.strip() for part in paths.split(",")]
    found: dict[str, File] = {}
    for file in itertools.chain.from_iterable(_expand(part) for part in parts if part):
        if file.is_named or file.path not in found:
            found[file.path] = file
    files = list(found.values())
    if not files:
        raise DataError("The data has no path. Set train_input_path or eval_input_path.")
    for file in files:
        if remote.is_remote(file.path) and form in (TEXT, TFRECORD):
            advice = "Only Parquet files are read from there; copy the others."
            raise DataError(f"{file.path}: is on a file system that TensorFlow lacks. {advice}")
        _CHECKS[form](file.path)
    return files


def is_gzip(path: str) -> bool:
    """Whether a file is gzip; its name says so."""
    return path.endswith(".gz")


def is_parquet(path: str) -> bool:
    """Whether a file is Parquet; its first bytes say so."""
    return _first_bytes(path).startswith(b"PAR1")


def most_bytes(path: str, is_packed: bool) -> int:
    """How many bytes a file holds at most, by its size.

    Args:
        path: The file.
        is_packed: Whether it is packed, as gzip and zlib do.
    """
    with _clear_errors(path):
        size: int = tf.io.gfile.stat(path).length
    return size * _PACKING_SHRINKS if is_packed else size


def read_lines(path: str) -> Iterator[bytes]:
    """Reads a file as `tf.data.TextLineDataset` does: line by line, carriage returns dropped.

    Raises:
        DataError: If the gzip data is damaged, with the number of the last line that is whole.
    """
    count = 0
    try:
        with _clear_errors(path), _open(path) as file:
            for line in file:
                yield line.removesuffix(b"\n").replace(b"\r", b"")
                count += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: should be whole gzip data. Received: damaged data after line {count} "
            f"({error}). Write the file again."
        ) from error


def _expand(part: str) -> list[File]:
    if _is_file(part):
        return [File(part, is_named=True)]
    if remote.is_remote(part):
        return _found(remote.list_files(part), part, "be a file, or hold data files")
    if tf.io.gfile.isdir(part):
        names = tf.io.gfile.listdir(part)
        return _found([os.path.join(part, name) for name in names], part, "hold data files")
    if any(mark in part for mark in "*?["):
        return _found(tf.io.gfile.glob(part), part, "match a file")
    raise DataError(f"{part}: there is no such file.")


def _found(paths: list[str], part: str, rule: str) -> list[File]:
    files = sorted(path for path in paths if _is_data(os.path.basename(path)) and _is_file(path))
    if not files:
        raise DataError(f"{part}: should {rule}. Received: none.")
    return [File(path, is_named=False) for path in files]


def _is_data(name: str) -> bool:
    return not name.startswith(".") and name != "_SUCCESS"


def _is_file(path: str) -> bool:
    if remote.is_remote(path):
        return remote.is_file(path)
    with _clear_errors(path):
        return tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path)


def _check_text(path: str) -> None:
    if path.endswith((".tar.gz", ".tgz", ".tar")):
        raise DataError(f"{path}: is an archive of files. Unpack it; single files may be .gz.")
    start = _first_bytes(path)
    for mark, what in _FOREIGN.items():
        if start.startswith(mark):
            raise DataError(f"{path}: is {what}.")
    if start and start.startswith(_GZIP) != is_gzip(path):
        kind = "is not gzip data, but its name says so" if is_gzip(path) else "is gzip data"
        raise DataError(f"{path}: {kind}. Names of gzip files end in .gz, and no others do.")


def _check_parquet(path: str) -> None:
    if not is_parquet(path):
        start = _first_bytes(path)
        raise DataError(
            f"{path}: should be a Parquet file. Received: one that starts with {start[:4]!r}."
        )


_CHECKS: dict[str, Callable[[str], None]] = {
    TEXT: _check_text,
    PARQUET: _check_parquet,
    TFRECORD: lambda path: None,
    ANY: lambda path: None,
}


def _first_bytes(path: str) -> bytes:
    if remote.is_remote(path):
        with remote.open_remote(path) as file:
            return file.read(6)
    with _clear_errors(path), tf.io.gfile.GFile(path, "rb") as file:
        return file.read(6)


def _open(path: str) -> IO[bytes]:
    file: IO[bytes] = tf.io.gfile.GFile(path, "rb")
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_gzip(path) else file


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    """Tells a file system's refusal in one line."""
    try:
        yield
    except tf.errors.OpError as error:
        raise DataError(f"{path}: cannot be read: {error.message}.") from error
