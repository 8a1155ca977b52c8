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

from tfmtl.layers.by_unit import Inputs
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

    @property
    def first(self) -> keras.layers.Layer:
        """Its linear part."""
        return self.dense

    def finish(self, product: tf.Tensor) -> tf.Tensor:
        """The weights, from what `first` gives."""
        return tf.nn.softmax(product)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.finish(self.dense(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_experts": self.num_experts}


@keras.utils.register_keras_serializable("tfmtl")
class GateBank(keras.layers.Layer):
    """Gates side by side: a selector (batch, inputs) to weights (batch, gates, experts).

    A list of selectors has one for each gate.

    Args:
        num_gates: How many gates; the weights of each have the sum one.
        num_experts: How many experts each weighs.
    """

    def __init__(self, num_gates: int, num_experts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_gates = num_gates
        self.num_experts = num_experts

    def build(self, input_shape: Any) -> None:
        self.dense: keras.layers.Layer = (
            BankDense(self.num_gates, self.num_experts, name="dense")
            if isinstance(input_shape, list)
            else keras.layers.Dense(self.num_gates * self.num_experts, name="dense")
        )
        super().build(input_shape)

    @property
    def first(self) -> keras.layers.Layer:
        """Its linear part."""
        return self.dense

    def finish(self, product: Inputs) -> tf.Tensor:
        """The weights, from what `first` gives."""
        if isinstance(product, list):
            return tf.nn.softmax(tf.stack(product, axis=1))
        return tf.nn.softmax(tf.reshape(product, [-1, self.num_gates, self.num_experts]))

    def call(self, inputs: Inputs) -> tf.Tensor:
        return self.finish(self.dense(inputs))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "num_gates": self.num_gates, "num_experts": self.num_experts}


@keras.utils.register_keras_serializable("tfmtl")
class MixExperts(keras.layers.Layer):
    """Sums experts (batch, units), by weights after them, to (batch, units).

    The weights are (batch, experts), or more, of which the first count.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        *experts, weights = inputs
        return _mixed(experts, weights)


@keras.utils.register_keras_serializable("tfmtl")
class MixForEach(keras.layers.Layer):
    """Sums experts (batch, units) once for each gate of a bank.

    The weights (batch, gates, experts) come after them; the sums are a list of (batch, units).
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        *experts, weights = inputs
        return [_mixed(experts, of_gate) for of_gate in tf.unstack(weights, axis=1)]


def _mixed(experts: Sequence[tf.Tensor], weights: tf.Tensor) -> tf.Tensor:
    columns = tf.split(weights, weights.shape[1], axis=1)
    return tf.add_n([expert * column for expert, column in zip(experts, columns, strict=False)])
