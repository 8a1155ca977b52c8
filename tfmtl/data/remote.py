"""Files on file systems that TensorFlow does not know and fsspec does, such as S3."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any

import tensorflow as tf

from tfmtl.errors import DataError

_INSTALL = "pip install 'tfmtl[remote]'"


def is_remote(path: str) -> bool:
    """Whether a path is on a file system that TensorFlow does not know."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme not in tf.io.gfile.get_registered_schemes()


def is_file(path: str) -> bool:
    """Whether there is such a file.

    Raises:
        DataError: If the file system cannot be reached.
    """
    with _clear_errors(path):
        return bool(_system(path).isfile(path))


def list_files(path: str) -> list[str]:
    """The files of a directory, or those that match a glob; none if there is neither.

    Raises:
        DataError: If the file system cannot be reached.
    """
    with _clear_errors(path):
        system = _system(path)
        found = system.ls(path, detail=False) if system.isdir(path) else system.glob(path)
        return [system.unstrip_protocol(each) for each in found if system.isfile(each)]


@contextlib.contextmanager
def open_remote(path: str) -> Iterator[IO[bytes]]:
    """Opens a file to read.

    Raises:
        DataError: If it cannot be reached.
    """
    with _clear_errors(path), _system(path).open(path, "rb") as file:
        yield file


def first_line(error: Exception) -> str:
    """What an error says, of several lines the first; its kind if it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _system(path: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise DataError(f"{path}: needs fsspec to be read: {_INSTALL}.") from error
    system, _ = fsspec.core.url_to_fs(path)
    return system


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    """Tells a file system's refusal in one line."""
    try:
        yield
    except (OSError, ImportError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error).rstrip('.')}.") from error
