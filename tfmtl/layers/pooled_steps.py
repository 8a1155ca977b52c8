"""Steps pooled without regard to their order: sum, mean, largest or smallest of each unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.segments import rows_of


def _sum(h: tf.Tensor, rows: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    return tf.math.unsorted_segment_sum(h, rows, tf.size(lengths))


def _mean(h: tf.Tensor, rows: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(_sum(h, rows, lengths), tf.cast(lengths, h.dtype)[:, tf.newaxis])


def largest(h: tf.Tensor, rows: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """The largest of each unit among the steps of a row, `(batch, width)`; 0 of no steps.

    Args:
        h: All steps, `(steps, width)`.
        rows: The row of each, `(steps,)`.
        lengths: How many steps each row has, `(batch,)`.
    """
    # Of no steps the maximum is the lowest number there is.
    found = tf.math.unsorted_segment_max(h, rows, tf.size(lengths))
    return tf.where(lengths[:, tf.newaxis] > 0, found, tf.zeros_like(found))


def _smallest(h: tf.Tensor, rows: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    return -largest(-h, rows, lengths)


_WAYS: dict[str, Callable[..., tf.Tensor]] = {
    "sum": _sum,
    "mean": _mean,
    "max": largest,
    "min": _smallest,
}


def pooled(steps: tf.RaggedTensor, way: str) -> tf.Tensor:
    """Steps `(batch, None, width)` as one `(batch, width)`, by a way; 0 in rows without steps."""
    return _WAYS[way](steps.flat_values, rows_of(steps), steps.row_lengths())


@keras.utils.register_keras_serializable("tfmtl")
class PooledSteps(keras.layers.Layer):
    """Maps ragged `(batch, None, width)` to `(batch, width)`; a row without steps has zeros.

    Args:
        way: "sum", "mean", "max" or "min".
    """

    def __init__(self, way: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if way not in _WAYS:
            raise ValueError(f"`way` should be one of {', '.join(_WAYS)}. Received: {way!r}.")
        self.way = way

    def call(self, inputs: tf.RaggedTensor) -> tf.Tensor:
        return pooled(inputs, self.way)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "way": self.way}
