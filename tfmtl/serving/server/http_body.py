"""The body of an HTTP request: of a length that is told or in chunks, perhaps zipped."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

_HEX = re.compile(rb"[0-9a-fA-F]+")
_BAD = 400
_TOO_LARGE = 413
_MANY_DIGITS = 1000  # Which Python would not read as a number without being asked to.
_MOST_HEADER = 65536  # Of a chunk.


class Unreadable(Exception):
    """A request whose body cannot be read: HTTP's number, and what to say."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def read_body(headers: Message, file: BufferedIOBase, limit: int) -> bytes:
    """What a request holds.

    Args:
        headers: The request's.
        file: Where the body follows.
        limit: The most bytes, zipped or not.

    Raises:
        Unreadable: If it is broken, or too large.
    """
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        data = b"".join(_chunks(file, limit))
    else:
        data = _exactly(file, _length(headers.get("Content-Length", "0")), limit)
    if headers.get("Content-Encoding", "").lower() == "gzip":
        return _unzipped(data, limit)
    return data


def fits(digits: str) -> bool:
    """Whether a number can be one of 64 bits."""
    return len(digits) < _MANY_DIGITS and int(digits) < 2**63


def _exactly(file: BufferedIOBase, count: int, limit: int) -> bytes:
    if count > limit:
        raise _too_large(limit)
    data = file.read(count)
    if len(data) < count:
        raise Unreadable(_BAD, "The body is shorter than its Content-Length")
    return data


def _chunks(file: BufferedIOBase, limit: int) -> Iterator[bytes]:
    total = 0
    while size := _chunk_size(file):
        total += size
        if total > limit:
            raise _too_large(limit)
        yield _exactly(file, size, limit)
        file.readline(_MOST_HEADER)
    while file.readline(_MOST_HEADER).strip():
        pass  # Headers after the body.


def _chunk_size(file: BufferedIOBase) -> int:
    text = file.readline(_MOST_HEADER).partition(b";")[0].strip()
    if not _HEX.fullmatch(text):
        raise Unreadable(_BAD, "The body's chunks should begin with their sizes")
    return int(text, 16)


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and fits(text)):
        raise Unreadable(_BAD, f"Content-Length should be a whole number. Received: {text}")
    return int(text)


def _too_large(limit: int) -> Unreadable:
    return Unreadable(_TOO_LARGE, f"A request should have at most {limit} bytes")


def _unzipped(data: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=31)  # With gzip's header.
    try:
        text = unzip.decompress(data, limit + 1)
    except zlib.error as error:
        raise Unreadable(_BAD, f"The body should be gzip. Received: {error}") from error
    if len(text) > limit:
        raise _too_large(limit)
    if not unzip.eof:
        raise Unreadable(_BAD, "The body should be gzip. Received: only a part of it")
    return text
