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

from tfmtl.layers.expert_bank import BankDense


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
class GateBank(keras.layers.Layer):
    """Gates side by side: a selector (batch, inputs) to weights (batch, gates, experts).

    Where each gate has a selector of its own, they are (gates, batch, inputs).

    Args:
        num_gates: How many gates; the weights of each have the sum one.
        num_experts: How many experts each weighs.
    """

    def __init__(self, num_gates: int, num_experts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_gates = num_gates
        self.num_experts = num_experts

    def build(self, input_shape: Any) -> None:
        self._is_own = len(input_shape) == 3
        self.dense: keras.layers.Layer = (
            BankDense(self.num_gates, self.num_experts, name="dense")
            if self._is_own
            else keras.layers.Dense(self.num_gates * self.num_experts, name="dense")
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        logits = self.dense(inputs)
        if self._is_own:
            return tf.nn.softmax(tf.transpose(logits, [1, 0, 2]))
        return tf.nn.softmax(tf.reshape(logits, [-1, self.num_gates, self.num_experts]))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "num_gates": self.num_gates, "num_experts": self.num_experts}


@keras.utils.register_keras_serializable("tfmtl")
class MixExperts(keras.layers.Layer):
    """Sums experts (experts, batch, units) by weights (batch, experts) to (batch, units).

    Experts may come in several banks, the weights after them: the banks are not put together first.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        *banks, weights = inputs
        by_expert = tf.transpose(weights)[:, :, tf.newaxis]
        parts = tf.split(by_expert, [bank.shape[0] for bank in banks])
        weighted = [tf.unstack(bank * part) for bank, part in zip(banks, parts, strict=True)]
        return tf.add_n([expert for bank in weighted for expert in bank])

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        experts = input_shape[0]
        return tf.TensorShape([experts[1], experts[2]])


@keras.utils.register_keras_serializable("tfmtl")
class MixForEach(keras.layers.Layer):
    """Sums experts (experts, batch, units) once for each gate of a bank.

    Weights are (batch, gates, experts), sums (gates, batch, units).
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        experts, weights = inputs
        by_expert = tf.transpose(weights, [2, 1, 0])[..., tf.newaxis]
        parts = zip(tf.unstack(experts), tf.unstack(by_expert), strict=True)
        return tf.add_n([expert * weight for expert, weight in parts])  # Each to every gate.

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        experts, weights = input_shape
        return tf.TensorShape([weights[1], experts[1], experts[2]])
