"""Means of losses over the rows, or pairs of rows, that count."""

from __future__ import annotations

import tensorflow as tf


def mean(values: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """`Σ w·l / number of elements with w ≠ 0`; 0 if there is none.

    Args:
        values: `(n,)`.
        weight: `(n,)`.
    """
    total = tf.reduce_sum(tf.math.multiply_no_nan(values, weight))
    return tf.math.divide_no_nan(total, tf.math.count_nonzero(weight, dtype=values.dtype))


def mean_of_hardest(values: tf.Tensor, weight: tf.Tensor, share: float) -> tf.Tensor:
    """The mean of the largest `w·l`: online hard example mining.

    Of the n elements with `w ≠ 0` the `round(share·n)` hardest are kept, at least one, and of those
    the ones above 0. NaN if one of the n is.

    Args:
        values: `(n,)`, of losses that are not below 0.
        weight: `(n,)`.
        share: The share to keep; all for 1, which is `mean`.

    References:
        Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example
        Mining", CVPR 2016, https://arxiv.org/abs/1604.03540
    """
    if share == 1.0:
        return mean(values, weight)
    count = tf.math.count_nonzero(weight, dtype=tf.float32)
    kept = tf.maximum(tf.round(share * count), 1.0)
    # One more that never counts: the kernel's gradient fails where there is nothing to choose from.
    losses = tf.concat([tf.math.multiply_no_nan(values, weight), [0.0]], axis=0)
    hardest = tf.math.top_k(losses, tf.cast(kept, tf.int32)).values
    above = tf.math.count_nonzero(hardest > 0.0, dtype=values.dtype)
    # What is not a number is in no order, and would not be chosen: nobody would tell of it.
    poison = tf.where(tf.reduce_any(tf.math.is_nan(losses)), float("nan"), 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(hardest), above) + poison
