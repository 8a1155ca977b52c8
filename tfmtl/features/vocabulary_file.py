"""Files of words, one a line, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.errors import ConfigError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_words(path: str) -> list[bytes]:
    """The words of a file, in the order of its lines.

    Args:
        path: The file, in any file system that TensorFlow knows.

    Raises:
        ConfigError: If the file cannot be read, or its words are not all different and not empty.
    """
    words = _lines(path)
    check_words(words, f"the vocabulary file `{path}`", place="line", first=1)
    return words


def check_words(words: Sequence[bytes], name: str, place: str = "word", first: int = 0) -> None:
    """Checks that there are words, all different and none of them empty.

    Args:
        words: The words.
        name: What holds them, for the message.
        place: What a word's place is called there.
        first: The first place.

    Raises:
        ConfigError: If they are not so.
    """
    if not words:
        raise ConfigError([f"{name} should have at least one word. Received: none."])
    if words[0].startswith(_BYTE_ORDER_MARK):
        raise ConfigError(
            [f"{name} should be plain UTF-8. Received: a byte order mark in its first word."]
        )
    places: dict[bytes, int] = {}
    for at, word in enumerate(words, first):
        if not word:
            raise ConfigError(
                [f"{name} should have no empty word. Received: an empty {place} {at}."]
            )
        if places.setdefault(word, at) != at:
            shown = word.decode(errors="replace")
            twice = f"`{shown}` as {place} {places[word]} and {at}"
            raise ConfigError([f"{name} should have each word once. Received: {twice}."])


def _lines(path: str) -> list[bytes]:
    """The lines as TensorFlow's tables read them: without carriage returns, none after the end."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
    except tf.errors.OpError as error:
        raise ConfigError(
            [f"the vocabulary file `{path}` should be readable. Received: {_reason(error)}."]
        ) from error
    lines = content.replace(b"\r", b"").split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _reason(error: tf.errors.OpError) -> str:
    if isinstance(error, tf.errors.NotFoundError):
        return "no such file"
    return str(error.message).rsplit("; ", 1)[-1]
