"""Whose each item of ragged values is, and sums over rows and bags, in few and lean operations."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def segments_of(lengths: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    """The bag of each item, (total,) int32, from the bags' lengths (bags,) int32.

    A count of the bags that start at each item, summed up; `tf.repeat` would build a (bags, longest
    bag) mask.
    """
    starts = tf.cumsum(lengths)[:-1]
    begun = tf.math.unsorted_segment_sum(tf.ones_like(starts), starts, total + 1)
    return tf.cumsum(begun[:-1])


def rows_of(ragged: tf.RaggedTensor) -> tf.Tensor:
    """The row of each item, int32; `RaggedTensor.value_rowids` would build a (rows, longest) mask.

    Args:
        ragged: Items, (rows, None, ...).
    """
    lengths = tf.cast(ragged.row_lengths(), tf.int32)
    return segments_of(lengths, tf.shape(ragged.values)[0])


@tf.custom_gradient
def take_rows(rows: tf.Tensor, positions: tf.Tensor) -> Any:
    """`tf.gather` whose gradient is summed at once into the shape of `rows`, which are few."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        flat = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return tf.math.unsorted_segment_sum(
            flat, tf.reshape(positions, [-1]), tf.shape(rows)[0]
        ), None

    return tf.gather(rows, positions), gradient


@tf.custom_gradient
def sum_bags(rows: tf.Tensor, positions: tf.Tensor, segments: tf.Tensor, bags: tf.Tensor) -> Any:
    """Sums the rows of each bag, (bags, dim), without holding the rows of all items at once."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None, None]:
        summed = tf.raw_ops.SparseSegmentSumGrad(
            grad=upstream, indices=positions, segment_ids=segments, output_dim0=tf.shape(rows)[0]
        )
        return summed, None, None, None

    return tf.sparse.segment_sum(rows, positions, segments, num_segments=bags), gradient
