"""Rows kept in memory until the end of an evaluation, for what no sum over batches can tell."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# The number of rows that have no value.
NO_GROUP = np.iinfo(np.int64).min


class HeldRows:
    """Columns of numbers that grow with every batch, kept by the process and not by a device.

    A batch may be added from inside of a graph, so that it works in `Model.evaluate`, too. The rows
    of all replicas of a process come together here.

    Args:
        dtypes: The types of the columns. The last one is the weight: rows of weight 0 are not kept.
    """

    def __init__(self, *dtypes: tf.DType) -> None:
        self._dtypes = dtypes
        self._chunks: list[tuple[np.ndarray, ...]] = []

    def add(self, *columns: tf.Tensor) -> None:
        """Keeps a batch.

        Args:
            *columns: `(batch,)` or `(batch, n)` each.
        """
        casted = [tf.cast(c, dtype) for c, dtype in zip(columns, self._dtypes, strict=True)]
        tf.numpy_function(self._keep, casted, [])

    def extend(self, other: HeldRows) -> None:
        """Takes over the rows of another worker."""
        self._chunks += other._chunks

    def clear(self) -> None:
        """Forgets all rows."""
        self._chunks = []

    def columns(self) -> tuple[np.ndarray, ...]:
        """The columns, each in one piece; without any rows, they are `(0,)`."""
        if not self._chunks:
            return tuple(np.zeros(0, dtype.as_numpy_dtype) for dtype in self._dtypes)
        if len(self._chunks) > 1:
            # What was in pieces is let go of, so that the rows are not in memory twice.
            self._chunks = [tuple(map(np.concatenate, zip(*self._chunks, strict=True)))]
        return self._chunks[0]

    def _keep(self, *columns: np.ndarray) -> None:
        kept = np.flatnonzero(columns[-1])  # Copies: TensorFlow's own memory is used again.
        if kept.size:
            self._chunks.append(tuple(column[kept] for column in columns))


def group_ids(column: tf.Tensor) -> tf.Tensor:
    """Numbers, int64, that are equal where the values of a column are.

    Texts are hashed to 63 bits: among a million different ones two meet with probability 5e-8. An
    empty text and NaN are no value: `NO_GROUP`.

    Args:
        column: `(batch,)`, of any type.
    """
    if column.dtype == tf.string:
        hashed = tf.strings.to_hash_bucket_fast(column, 2**63 - 1)
        return tf.where(column == "", tf.constant(NO_GROUP, tf.int64), hashed)
    if column.dtype.is_floating:
        number = tf.cast(column, tf.float64)
        bits = tf.bitcast(tf.where(number == 0.0, tf.zeros_like(number), number), tf.int64)  # -0.0
        return tf.where(tf.math.is_nan(number), tf.constant(NO_GROUP, tf.int64), bits)
    return tf.cast(column, tf.int64)
