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


def sigmoid_divergence(label: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """`KL(y, σ(c)) = y·log(y / σ(c)) + (1 - y)·log((1 - y) / (1 - σ(c)))`.

    Args:
        label: `(batch,)`, from 0 to 1.
        logit: `(batch,)`.
    """
    entropy = -tf.math.xlogy(label, label) - tf.math.xlogy(1.0 - label, 1.0 - label)
    return sigmoid_cross_entropy(label, logit) - entropy


def sigmoid_squared_error(label: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """`(σ(c) - y)²`.

    Args:
        label: `(batch,)`.
        logit: `(batch,)`.
    """
    return squared_error(label, tf.sigmoid(logit))


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


def absolute_error(label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """`|ŷ - y|`; the median is its best constant.

    Args:
        label: `(batch,)`.
        prediction: `(batch,)`.
    """
    return tf.abs(prediction - label)


def huber_error(label: tf.Tensor, prediction: tf.Tensor, delta: float) -> tf.Tensor:
    """`e²/2` where `|e| ≤ δ`, `δ·(|e| - δ/2)` beyond, for `e = ŷ - y`.

    Args:
        label: `(batch,)`.
        prediction: `(batch,)`.
        delta: δ, above 0.

    References:
        Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics, 1964
    """
    size = absolute_error(label, prediction)
    near = tf.minimum(size, delta)
    return near * (size - near / 2)


def quantile_error(label: tf.Tensor, prediction: tf.Tensor, quantile: float) -> tf.Tensor:
    """`q·e` where `e = y - ŷ` is above 0, `(q - 1)·e` where it is below: the pinball loss.

    Args:
        label: `(batch,)`.
        prediction: `(batch,)`.
        quantile: q, between 0 and 1: its best constant is the q-quantile of the labels.

    References:
        Koenker and Bassett, "Regression Quantiles", Econometrica, 1978
    """
    excess = label - prediction
    return tf.maximum(quantile * excess, (quantile - 1.0) * excess)
