"""A bank of experts: E perceptrons of equal layers, whose weights are kept together.

    f_e(x) = a(… a(x·W_{e,1}) …·W_{e,L}),  e = 1…E

The experts' kernels of a layer are one weight (experts, inputs, units), so that an optimizer's step
and a checkpoint deal with few weights. They are computed expert by expert: an expert's units of one
layer fit into a processor's cache, all experts' do not, and a bank costs what one perceptron of its
products does, where a batched product and what follows it take a quarter more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.by_unit import ByUnit, Inputs
from tfmtl.layers.perceptron import Perceptron, l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class BankDense(keras.layers.Layer):
    """E dense layers side by side, from E inputs (batch, inputs) to E outputs (batch, units).

    Args:
        num_experts: E.
        units: Width of every expert's layer.
        use_bias: Whether each has a bias.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self, num_experts: int, units: int, use_bias: bool = True, l2: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self.units = units
        self.use_bias = use_bias
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        inputs = int(input_shape[0][-1])
        # Glorot's bound for one expert; Keras would take the axis of experts for a receptive field.
        bound = (6.0 / (inputs + self.units)) ** 0.5
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_experts, inputs, self.units),
            initializer=keras.initializers.RandomUniform(-bound, bound),
            regularizer=l2_regularizer(self.l2),
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.num_experts, 1, self.units), initializer="zeros"
            )
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        outputs = [
            tf.matmul(x, kernel) for x, kernel in zip(inputs, tf.unstack(self.kernel), strict=True)
        ]
        if not self.use_bias:
            return outputs
        return [y + bias for y, bias in zip(outputs, tf.unstack(self.bias), strict=True)]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("num_experts", "units", "use_bias", "l2")
        return {**config, **{name: getattr(self, name) for name in names}}


@keras.utils.register_keras_serializable("tfmtl")
class ExpertBank(Perceptron):
    """Maps (batch, inputs) to the experts' outputs, a list of (batch, hidden_units[-1]).

    A list of inputs has one for each expert.

    Args:
        num_experts: E, at least 1.
        hidden_units: Width of each layer of every expert; at least one layer.
        **kwargs: The other arguments of `Perceptron`. Each unit of each expert is normalized by
            itself.
    """

    def __init__(self, num_experts: int, hidden_units: Sequence[int], **kwargs: Any) -> None:
        if num_experts < 1:
            raise ValueError(f"`num_experts` should be at least 1. Received: {num_experts}.")
        if list(hidden_units) in ([], [0]):
            raise ValueError(
                "`hidden_units` of experts should have at least one layer."
                f" Received: {hidden_units}."
            )
        self.num_experts = num_experts
        super().__init__(hidden_units, **kwargs)

    def dense(self, units: int, name: str) -> keras.layers.Layer:
        return BankDense(self.num_experts, units, use_bias=not self.use_bn, l2=self.l2, name=name)

    def call(self, inputs: Inputs) -> list[tf.Tensor]:
        experts = inputs if isinstance(inputs, list) else [inputs] * self.num_experts
        return self._run(self._steps, experts)

    def _run(self, steps: Sequence[Any], inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        experts = inputs
        for step in steps:
            experts = (
                step(experts)
                if isinstance(step, BankDense | ByUnit)
                else [step(expert) for expert in experts]
            )
        return experts

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_experts": self.num_experts}
