"""Rules of the requests that go along.

A warm-up request that fails makes a server refuse the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.serving.gate.version import Version
from tfmtl.serving.golden import GOLDEN_FILE
from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.saved_graph import shape_of
from tfmtl.serving.warmup import WARMUP_FILE

_MOST_RECORDS = 1000
_MOST_BYTES = 64 << 20


def few_warmups(version: Version) -> Iterator[str]:
    """There are at most 1000 warm-up requests, and some to every signature."""
    count = len(version.warmup)
    if count > _MOST_RECORDS:
        rule = f"`{WARMUP_FILE}` should have at most {_MOST_RECORDS} records."
        yield f"{rule} Received: {count}."
    for name in sorted(version.graph.signatures.keys() - _asked(version.warmup)):
        yield f"`{WARMUP_FILE}` should have requests to signature `{name}`. Received: none."


def small_requests(version: Version) -> Iterator[str]:
    """The files of requests are small."""
    for name in (WARMUP_FILE, GOLDEN_FILE):
        path = version.extra(name)
        size = path.stat().st_size if path.is_file() else 0
        if size > _MOST_BYTES:
            yield f"`{name}` should have at most {_MOST_BYTES:,} bytes. Received: {size:,}."


def acceptable_warmups(version: Version) -> Iterator[str]:
    """Every warm-up request is what its signature takes."""
    return _unacceptable(version, WARMUP_FILE, version.warmup)


def acceptable_golden_requests(version: Version) -> Iterator[str]:
    """Every signature has recorded answers, to requests that it takes."""
    yield from _unacceptable(version, GOLDEN_FILE, version.golden)
    for name in sorted(version.graph.signatures.keys() - _asked(version.golden)):
        yield f"`{GOLDEN_FILE}` should have answers of signature `{name}`. Received: none."


def _asked(records: Sequence[Record]) -> set[str]:
    return {record.signature for record in records}


def _unacceptable(version: Version, file: str, records: Sequence[Record]) -> Iterator[str]:
    for index, record in enumerate(records):
        signature = version.graph.signatures.get(record.signature)
        for problem in _problems(record, signature):
            yield f"Record {index} of `{file}`, to signature `{record.signature}`, {problem}"


def _problems(record: Record, signature: Any | None) -> Iterator[str]:
    if signature is None:
        yield "should be to a signature that there is."
        return
    wanted = set(signature.inputs)
    if record.inputs.keys() != wanted:
        given = ", ".join(sorted(record.inputs))
        yield f"should have the inputs {', '.join(sorted(wanted))}. Received: {given}."
        return
    for name, value in sorted(record.inputs.items()):
        info = signature.inputs[name]
        dtype, shape = tf.as_dtype(info.dtype), shape_of(info)
        if _dtype(value) != dtype or not tf.TensorShape(shape).is_compatible_with(value.shape):
            yield (
                f"should have `{name}` as {dtype.name} {tf.TensorShape(shape)}. "
                f"Received: {_dtype(value).name} {value.shape}."
            )
    if len({len(value) for value in record.inputs.values() if value.ndim}) > 1:
        yield "should have as many rows in every input. Received: different numbers."


def _dtype(value: np.ndarray) -> tf.DType:
    return tf.string if value.dtype.kind in "OSU" else tf.as_dtype(value.dtype)
