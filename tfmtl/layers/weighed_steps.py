"""Steps weighed by what they are, without a target to compare them with.

    a   = softmax over the steps of a row (h_t·w + b)
    out = Σ_t a_t·h_t

EasyRec's `sequence_combiner { attention {} }`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.segments import rows_of
from tfmtl.layers.target_attention import softmax_by_row


@keras.utils.register_keras_serializable("tfmtl")
class WeighedSteps(keras.layers.Layer):
    """Maps ragged `(batch, None, width)` to `(batch, width)`; a row without steps has zeros.

    Args:
        l2: The penalty l2·Σw²/2 on w.
    """

    def __init__(self, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l2 = l2
        self.score = keras.layers.Dense(1, kernel_regularizer=l2_regularizer(l2), name="score")

    def call(self, inputs: tf.RaggedTensor) -> tf.Tensor:
        h, rows, count = inputs.flat_values, rows_of(inputs), inputs.nrows()
        weights = softmax_by_row(self.score(h)[:, 0], rows, count)
        return tf.math.unsorted_segment_sum(weights[:, tf.newaxis] * h, rows, count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2": self.l2}
