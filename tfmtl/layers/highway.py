"""Highway layers: each passes on what it does not change.

    g = σ(W_g·x + b_g)
    y = g ⊙ a(W·x + b) + (1 − g) ⊙ x

Srivastava, Greff & Schmidhuber 2015, "Highway Networks" (arXiv:1505.00387).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.activations import activation as activation_named
from tfmtl.layers.perceptron import l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class Highway(keras.layers.Layer):
    """Maps (batch, inputs) to (batch, units).

    Args:
        units: Width, to which another input is brought first; `None` for that of the input.
        num_layers: How many layers.
        activation: a.
        gate_bias: Where b_g starts; a negative one lets the input through at first.
        dropout_rate: Share of the units of a(…) dropped in training.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        units: int | None = None,
        num_layers: int = 1,
        activation: str = "relu",
        gate_bias: float = -3.0,
        dropout_rate: float = 0.0,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.num_layers = num_layers
        self.activation = activation
        self.gate_bias = gate_bias
        self.dropout_rate = dropout_rate
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        units = self.units or input_shape[-1]
        self.projection = None
        if units != input_shape[-1]:
            self.projection = self._dense(units, "projection")
        bias = keras.initializers.Constant(self.gate_bias)
        self.gates = [
            self._dense(units, f"gate_{index}", activation="sigmoid", bias_initializer=bias)
            for index in range(self.num_layers)
        ]
        self.transforms = [self._dense(units, f"dense_{i}") for i in range(self.num_layers)]
        self.activations = [activation_named(self.activation) for _ in range(self.num_layers)]
        self.dropout = keras.layers.Dropout(self.dropout_rate, name="dropout")
        super().build(input_shape)

    def _dense(self, units: int, name: str, **kwargs: Any) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, kernel_regularizer=l2_regularizer(self.l2), name=name, **kwargs
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        x = inputs if self.projection is None else self.projection(inputs)
        for gate, dense, act in zip(self.gates, self.transforms, self.activations, strict=True):
            g = gate(x)
            x = g * self.dropout(act(dense(x))) + (1.0 - g) * x
        return x

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("units", "num_layers", "activation", "gate_bias", "dropout_rate", "l2")
        return {**config, **{name: getattr(self, name) for name in names}}
