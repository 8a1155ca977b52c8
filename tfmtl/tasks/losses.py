"""Losses of single rows, computed from logits so that no probability is ever rounded to 0 or 1.

Each takes `label` and `logits` and returns a loss a row, `(batch,)`. Weighing and averaging them
is the task's job, because only a task knows its sample space.
"""

from __future__ import annotations

import tensorflow as tf


def sigmoid_cross_entropy(label: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """`-y·log σ(c) - (1 - y)·log(1 - σ(c))`, for a label between 0 and 1.

    Args:
        label: `(batch,)`.
        logit: `(batch,)`.
    """
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logit)


def softmax_cross_entropy(label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """`-log softmax(c)_y`, for a label that is the index of a class.

    Args:
        label: `(batch,)`, of any numeric type. A class outside the range is taken for the nearest
            one: the kernel's own answer to it differs between devices. See `Head.accepts`.
        logits: `(batch, classes)`.
    """
    classes = tf.cast(tf.shape(logits)[-1], label.dtype)
    label = tf.cast(tf.clip_by_value(label, 0, classes - 1), tf.int32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)


def squared_error(label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """`(ŷ - y)²`.

    Args:
        label: `(batch,)`.
        prediction: `(batch,)`.
    """
    return tf.math.squared_difference(prediction, label)
