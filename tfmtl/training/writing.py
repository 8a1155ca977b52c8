"""What to tell when the disk is full or may not be written to, and when the memory is full."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from tfmtl.config.wording import on_one_line
from tfmtl.errors import TrainingError

_TOO_LARGE = re.compile(r"allocating tensor with shape(\[[0-9,]*\])")
_OPERATION = re.compile(r"{{.*?}}|\[Op:\w+\]")


@contextlib.contextmanager
def writing(what: str, then: str = "") -> Iterator[None]:
    """Turns the errors of writing into one that says what could not be written.

    Args:
        what: The thing written, as the beginning of a sentence.
        then: What to know besides, as a sentence.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise TrainingError(
            f"{what} could not be written: {one_line(error)} {then}".strip()
        ) from error


@contextlib.contextmanager
def fitting_memory() -> Iterator[None]:
    """Turns TensorFlow's error of too little memory into one that says what would need less."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        found = _TOO_LARGE.search(str(error))
        what = f"a tensor of shape {found[1]}" if found else one_line(error).rstrip(".")
        raise TrainingError(
            f"The model and its batches should fit into memory. Received: {what}. Fewer ids, "
            "narrower embeddings and layers or smaller batches need less."
        ) from error


def one_line(error: Exception) -> str:
    """An error's message as one short sentence, without TensorFlow's names of operations."""
    return on_one_line(_OPERATION.sub(" ", str(error)))[:300].rstrip(". ") + "."
