"""Rows of embeddings in fewer bytes than they were trained with, made whole after the gather.

    bfloat16    e ≈ float32(b)        float32 without its last 16 bits, rounded
    int8        e ≈ s·q               s = max |e| / 127 of the row, float32; q = round(e / s)

A number of a row of `dim` numbers takes 2 bytes, or 1 + 4 / dim; its error is at most |e| / 256, or
max |e| / 254.
"""

from __future__ import annotations

import tensorflow as tf

_LEVELS = 127  # On each side of 0.
_BLOCK = 1 << 20  # Rows that are converted at once, so that large tables are not copied whole.


class BFloat16Rows(tf.Module):
    """Rows as bfloat16.

    Args:
        rows: (rows, dim) float32.
        name: Begins the names of its variables.
    """

    def __init__(self, rows: tf.Tensor, name: str) -> None:
        super().__init__()
        self.rows = _constant(tf.cast(rows, tf.bfloat16), f"{name}/bfloat16")

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """The rows of ids (n,), as float32 (n, dim)."""
        return tf.cast(tf.gather(self.rows, ids), tf.float32)


class Int8Rows(tf.Module):
    """Rows as int8, each with a scale.

    Args:
        rows: (rows, dim) float32.
        name: Begins the names of its variables.
    """

    def __init__(self, rows: tf.Tensor, name: str) -> None:
        super().__init__()
        starts = range(0, len(rows), _BLOCK)
        levels, scales = zip(*(_scaled(rows[at : at + _BLOCK]) for at in starts), strict=True)
        self.rows = _constant(tf.concat(levels, axis=0), f"{name}/int8")
        self.scales = _constant(tf.concat(scales, axis=0), f"{name}/scale")

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """The rows of ids (n,), as float32 (n, dim)."""
        return tf.cast(tf.gather(self.rows, ids), tf.float32) * tf.gather(self.scales, ids)


def _scaled(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """int8 numbers (rows, dim), and the scale of each row (rows, 1)."""
    scales = tf.reduce_max(tf.abs(rows), axis=1, keepdims=True) / _LEVELS
    return tf.cast(tf.round(tf.math.divide_no_nan(rows, scales)), tf.int8), scales


def _constant(value: tf.Tensor, name: str) -> tf.Variable:
    return tf.Variable(value, trainable=False, name=name)
