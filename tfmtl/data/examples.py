"""Rows as serialized `tf.train.Example`, which the reader of TFRecord files takes.

A record is the concatenation of its features: that of serialized messages is the message of all
their entries. So the bytes of a cell are made once for each value, not once for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

_FEATURES = b"\x0a"  # Field 1 of an Example, of a length and as many bytes.


def serialized_examples(rows: pa.Table) -> Iterator[bytes]:
    """An Example for each row; a null cell is a feature without a value.

    Whole numbers and truth values are int64, numbers of 32 bits floats. Those of 64 bits are text:
    an Example's floats have 32.
    """
    columns = [_entries(name, rows[name]) for name in rows.column_names]
    for cells in zip(*columns, strict=True):
        features = b"".join(cells)
        yield _FEATURES + _varint(len(features)) + features


def _entries(name: str, column: pa.ChunkedArray) -> np.ndarray:
    """The serialized `Features` of a column alone, for each row."""
    feature = _feature_of(column.type)
    if pa.types.is_string(column.type):
        column = pc.cast(column, pa.binary())
    encoded = column.combine_chunks().dictionary_encode()
    values = [*map(feature, encoded.dictionary.to_pylist()), tf.train.Feature()]
    entries = [tf.train.Features(feature={name: each}).SerializeToString() for each in values]
    places = encoded.indices.fill_null(len(entries) - 1).to_numpy(zero_copy_only=False)
    return np.array(entries, dtype=object)[places]


def _feature_of(kind: pa.DataType) -> Callable[[Any], tf.train.Feature]:
    if pa.types.is_float64(kind):
        return lambda value: _bytes(repr(value).encode())
    if pa.types.is_floating(kind):
        return lambda value: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return lambda value: tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
    return _bytes


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])
