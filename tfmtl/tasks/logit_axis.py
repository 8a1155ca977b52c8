"""The logit axis in slots of equal width, from -16 to 16; logits beyond share the outermost.

Even on the logit axis and not on that of probabilities, because the rare events of a recommender
would share a few slots near 0 there. σ(-16) is 1e-7.
"""

from __future__ import annotations

import tensorflow as tf

_RANGE = 16.0


def slot_of(logit: tf.Tensor, slots: int) -> tf.Tensor:
    """The slot of each logit, `(batch,)` int32; what is not a number shares that of 0.

    Args:
        logit: `(batch,)`.
        slots: Their number.
    """
    logit = tf.where(tf.math.is_nan(logit), tf.zeros_like(logit), logit)
    place = (tf.clip_by_value(logit, -_RANGE, _RANGE) + _RANGE) * (slots / (2 * _RANGE))
    return tf.minimum(tf.cast(place, tf.int32), slots - 1)
