"""Sessions: rows of a batch that are compared with each other, such as those of one user."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfmtl.tasks.space import Targets


class Members(NamedTuple):
    """The rows that have a session, m of the batch.

    Args:
        label: `(m,)`.
        logits: `(m, units)`.
        weight: `(m,)`, none 0.
        session: The number of each row's session, `(m,)` of int32.
        count: The number of sessions, a scalar of int32.
    """

    label: tf.Tensor
    logits: tf.Tensor
    weight: tf.Tensor
    session: tf.Tensor
    count: tf.Tensor


class Sessions:
    """Rows with equal values in a column make a session.

    Only rows of the task's sample space are members. A row without a value, which is an empty text
    or NaN, has no session.

    Args:
        column: The column, of any type; "" takes all rows of the batch for one session.
    """

    def __init__(self, column: str = "") -> None:
        self.columns = [column] if column else []

    def members(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> Members:
        """The members of all sessions; arguments as of `Loss`."""
        if not self.columns:
            rows = tf.where(weight != 0.0)[:, 0]
            session, count = tf.zeros_like(rows, tf.int32), tf.minimum(tf.size(rows), 1)
        else:
            column = targets[self.columns[0]]
            rows = tf.where((weight != 0.0) & _is_known(column))[:, 0]
            values, session = tf.unique(tf.gather(column, rows))
            count = tf.size(values)
        # The gradient of `gather` is sparse, that of `reshape` is not: none wants slices of logits.
        logits = tf.reshape(logits, tf.shape(logits))
        label, logits, weight = (tf.gather(each, rows) for each in (label, logits, weight))
        return Members(label, logits, weight, session, count)


def _is_known(column: tf.Tensor) -> tf.Tensor:
    if column.dtype == tf.string:
        return column != ""
    return ~tf.math.is_nan(column) if column.dtype.is_floating else tf.ones_like(column, tf.bool)


def logsumexp(values: tf.Tensor, segment: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`log Σ exp(v)` over each segment, `(count, …)`; 0 for a segment without elements.

    Args:
        values: `(m, …)`.
        segment: The segment of each element, `(m,)`.
        count: Number of segments.
    """
    largest = tf.math.unsorted_segment_max(tf.stop_gradient(values), segment, count)
    shifted = tf.exp(values - tf.gather(largest, segment))
    total = tf.math.unsorted_segment_sum(shifted, segment, count)
    is_empty = total == 0.0
    return tf.where(is_empty, 0.0, largest) + tf.math.log(tf.where(is_empty, 1.0, total))
