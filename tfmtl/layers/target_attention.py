"""Target attention: which steps of a sequence matter to a target.

    s_t = MLP([q, h_t, q − h_t, q ⊙ h_t])
    a   = softmax over the steps of a row (s)
    out = Σ_t a_t·h_t

for a target q and the steps h_1 … h_T of its row; a row without steps has zeros.

Zhou et al. 2018, "Deep Interest Network for Click-Through Rate Prediction" (KDD, arXiv:1706.06978);
there the scores are not normalized, in EasyRec they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.dnn import DNN
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.segments import rows_of
from tfmtl.layers.steps import align


@keras.utils.register_keras_serializable("tfmtl")
class TargetAttention(keras.layers.Layer):
    """Maps [target `(batch, width)`, steps `(batch, None, width)`] to `(batch, width)`.

    Further sequences are weighed by the same attention; their sums stand behind, `(batch, width + Σ
    width of those)`. Steps are never filled up: layers see those that there are, and no others.

    Args:
        scorer: The arguments of the `DNN` before the score, which a last layer gives.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(self, scorer: Mapping[str, Any], l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scorer = dict(scorer)
        self.l2 = l2
        self.dnn = DNN(**self.scorer, l2=l2, name="dnn")
        self.score = keras.layers.Dense(1, kernel_regularizer=l2_regularizer(l2), name="score")

    def call(self, inputs: Sequence[Any], training: bool | None = None) -> tf.Tensor:
        target, steps, *others = inputs
        rows, count = rows_of(steps), steps.nrows()
        h = steps.flat_values
        q = tf.gather(target, rows)
        x = tf.concat([q, h, q - h, q * h], axis=-1)
        scores = self.score(self.dnn(x, training=training))
        weights = softmax_by_row(scores[:, 0], rows, count)[:, tf.newaxis]
        values = tf.concat([h, *(align(each, steps) for each in others)], axis=-1)
        return tf.math.unsorted_segment_sum(weights * values, rows, count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scorer": self.scorer, "l2": self.l2}


def softmax_by_row(scores: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The softmax of scores among those of the same row.

    Args:
        scores: `(steps,)`.
        rows: The row of each, `(steps,)`.
        count: How many rows there are.
    """
    highest = tf.math.unsorted_segment_max(scores, rows, count)
    raised = tf.exp(scores - tf.stop_gradient(tf.gather(highest, rows)))
    return raised / tf.gather(tf.math.unsorted_segment_sum(raised, rows, count), rows)
