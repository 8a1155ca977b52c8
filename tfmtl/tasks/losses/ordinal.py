"""Classes that have an order, such as stars: a cumulative link model.

    c_1 = z_1,  c_k = c_{k-1} - softplus(z_k)          K - 1 logits of a row for K classes
    P(y ≥ k) = σ(c_k)                                  falls with k, whatever the logits
    P(y = k) = σ(c_k) - σ(c_{k+1}),  σ(c_0) = 1,  σ(c_K) = 0

What a network says of a threshold never contradicts what it says of the next. Because
`σ(a) - σ(b) = σ(a)·σ(-b)·(1 - exp(b - a))` and `1 - exp(-softplus(z)) = σ(z)`,

    log P(y = k) = log σ(c_k) + log σ(-c_{k+1}) + log σ(z_{k+1})

with the last term for the inner classes alone: no difference of probabilities is ever taken.

References:
    McCullagh, "Regression Models for Ordinal Data", Journal of the Royal Statistical
    Society, Series B, 1980
"""

from __future__ import annotations

import tensorflow as tf


def cumulative_logits(z: tf.Tensor) -> tf.Tensor:
    """c, `(batch, classes - 1)`.

    Args:
        z: `(batch, classes - 1)`.
    """
    steps = tf.concat([z[:, :1], -tf.math.softplus(z[:, 1:])], axis=-1)
    return tf.cumsum(steps, axis=-1)


def log_probabilities(z: tf.Tensor) -> tf.Tensor:
    """`log P(y = k)` of all classes, `(batch, classes)`.

    Args:
        z: `(batch, classes - 1)`.
    """
    c = cumulative_logits(z)
    sure = tf.zeros_like(z[:, :1])
    above = tf.concat([sure, tf.math.log_sigmoid(c)], axis=-1)
    below = tf.concat([tf.math.log_sigmoid(-c), sure], axis=-1)
    between = tf.concat([sure, tf.math.log_sigmoid(z[:, 1:]), sure], axis=-1)
    return above + below + between


def expected_class(z: tf.Tensor) -> tf.Tensor:
    """`E y = Σ_{k ≥ 1} P(y ≥ k)`, `(batch,)`.

    Args:
        z: `(batch, classes - 1)`.
    """
    return tf.reduce_sum(tf.sigmoid(cumulative_logits(z)), axis=-1)


def ordinal_cross_entropy(label: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
    """`-log P(y)`, `(batch,)`.

    Args:
        label: `(batch,)`: 0 to classes - 1. One outside is taken for the nearest.
        z: `(batch, classes - 1)`.
    """
    classes = tf.cast(tf.shape(z)[-1] + 1, label.dtype)
    label = tf.cast(tf.clip_by_value(label, 0, classes - 1), tf.int32)
    return -tf.gather(log_probabilities(z), label, axis=1, batch_dims=1)
