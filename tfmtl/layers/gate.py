"""Gates: how much of each expert a task takes.

    g = softmax(W·x + b),    h = Σ_e g_e·f_e(x)

Jacobs et al. 1991; Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with
Multi-gate Mixture-of-Experts" (KDD), eq. 6-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class Gate(keras.layers.Layer):
    """Maps a selector (batch, inputs) to weights of the experts (batch, experts), of sum one.

    Args:
        num_experts: How many experts to weigh.
    """

    def __init__(self, num_experts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self.dense = keras.layers.Dense(num_experts, name="dense")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(self.dense(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_experts": self.num_experts}


@keras.utils.register_keras_serializable("tfmtl")
class MixExperts(keras.layers.Layer):
    """Sums experts (experts, batch, units) by weights (batch, experts) to (batch, units)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        experts, weights = inputs
        by_expert = tf.transpose(weights)[:, :, tf.newaxis]
        return tf.add_n(tf.unstack(experts * by_expert))

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        experts, _ = input_shape
        return tf.TensorShape([experts[1], experts[2]])
