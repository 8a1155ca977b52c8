"""The logit over all rows, of a model that has seen all positives but a share of the negatives.

    p' = p / (p + (1 − p) / r)    or, on the logit,    c' = c + log r

Only in inference: in training the logit has to fit the rows that were kept, and is left as it is.

References:
    He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014,
    section 6.3
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class NegativeSamplingCorrection(keras.layers.Layer):
    """Maps logits c to c + log r in inference, and to c in training.

    Args:
        rate: r, the share of negatives that the training data has kept, above 0 and at most 1.

    Example:
    >>> layer = NegativeSamplingCorrection(0.1)
    >>> print(f"{tf.sigmoid(layer(tf.constant([[0.0]]))):.4f}")  # One of two, so one of eleven.
    0.0909
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < rate <= 1:
            raise ValueError(f"`rate` should be above 0 and at most 1. Received: {rate}.")
        self.rate = rate

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return inputs if training else inputs + math.log(self.rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
