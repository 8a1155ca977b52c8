"""Histograms of weights and of their gradients, for TensorBoard.

Gradients are known inside a step only; the graph counts them there in the steps for which somebody
asked, and keeps the counts in variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_BINS = 30


class Histograms:
    """Histograms of trained weights.

    Args:
        names: The weights' names.
        variables: The weights.
    """

    def __init__(self, names: Sequence[str], variables: Sequence[tf.Variable]) -> None:
        self._weights = dict(zip(names, variables, strict=True))
        self._wanted = tf.Variable(False, trainable=False)
        self._counted = {
            name: tf.Variable(tf.zeros([_BINS, 3], tf.float64), trainable=False) for name in names
        }

    def want(self, is_wanted: bool) -> None:
        """Says whether the gradients of the next step are wanted."""
        self._wanted.assign(is_wanted)

    def count(self, gradients: Sequence[Any]) -> None:
        """Counts the gradients of a step, if they are wanted.

        Args:
            gradients: In the order of the variables; of a table, those of the looked-up rows.
        """
        tf.cond(self._wanted, lambda: self._count(gradients), tf.no_op)

    def _count(self, gradients: Sequence[Any]) -> tf.Operation:
        values = (getattr(each, "values", each) for each in gradients)
        pairs = zip(self._counted.values(), values, strict=True)
        return tf.group(
            *(counts.assign(histogram(each)) for counts, each in pairs if each is not None)
        )

    def results(self) -> Iterator[tuple[str, np.ndarray]]:
        """`gradients/<weight>` of the last step that was wanted, and `weights/<weight>` now."""
        for name, counts in self._counted.items():
            yield f"gradients/{name}", counts.numpy()
        for name, weight in self._weights.items():
            yield f"weights/{name}", histogram(weight).numpy()


def histogram(values: Any) -> tf.Tensor:
    """How many of some finite values lie where.

    Returns:
        `(bins, 3)` float64: the left end, the right end and the count of each bin, as TensorBoard
        takes them.
    """
    flat = tf.cast(tf.reshape(values, [-1]), tf.float64)
    empty = tf.equal(tf.size(flat), 0)
    flat = tf.cond(empty, lambda: tf.zeros([1], tf.float64), lambda: flat)
    low, high = tf.reduce_min(flat), tf.reduce_max(flat)
    high = tf.where(high > low, high, low + 1.0)
    edges = tf.linspace(low, high, _BINS + 1)
    counts = tf.histogram_fixed_width(flat, [low, high], _BINS)
    counts = tf.where(empty, tf.zeros_like(counts), counts)
    return tf.stack([edges[:-1], edges[1:], tf.cast(counts, tf.float64)], axis=1)
