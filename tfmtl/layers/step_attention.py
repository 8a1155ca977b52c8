"""Attention of a target over a sequence, as a block: DIN with an `MLP` and two ways to normalize.

    s_t = MLP([q, h_t, q − h_t, q ⊙ h_t])
    a   = softmax over the steps of a row (s), or σ(s / √width)
    out = Σ_t a_t·h_t

for a target q, filled up with zeros to the width of the steps h_t; a row without steps has zeros.

Zhou et al. 2018, "Deep Interest Network for Click-Through Rate Prediction" (KDD, arXiv:1706.06978).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.mlp import MLP
from tfmtl.layers.segments import rows_of
from tfmtl.layers.target_attention import softmax_by_row


@keras.utils.register_keras_serializable("tfmtl")
class StepAttention(keras.layers.Layer):
    """Maps [steps `(batch, None, width)`, target `(batch, width)` or less] to `(batch, width)`.

    Args:
        scorer: The arguments of the `MLP`, which ends in one unit.
        normalizer: `softmax` or `sigmoid`.
    """

    def __init__(
        self, scorer: Mapping[str, Any], normalizer: str = "softmax", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.scorer = dict(scorer)
        self.normalizer = normalizer
        self.mlp = MLP(**self.scorer, name="mlp")

    def call(self, inputs: Sequence[Any]) -> tf.Tensor:
        steps, target = inputs
        rows, count, h = rows_of(steps), steps.nrows(), steps.flat_values
        q = tf.pad(target, [[0, 0], [0, h.shape[-1] - target.shape[-1]]])
        q = tf.gather(q, rows)
        scores = self.mlp(tf.concat([q, h, q - h, q * h], axis=-1))[:, 0]
        if self.normalizer == "softmax":
            weights = softmax_by_row(scores, rows, count)
        else:
            weights = tf.sigmoid(scores / h.shape[-1] ** 0.5)
        return tf.math.unsorted_segment_sum(weights[:, tf.newaxis] * h, rows, count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scorer": self.scorer, "normalizer": self.normalizer}
