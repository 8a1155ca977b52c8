"""The multi-layer perceptron of a block: h_l = drop(a(BN(h_{l−1}·W_l))).

Unlike `DNN` it has switches for its last layer, and normalizes before the activation or after it.
EasyRec, "MLP", https://easyrec.readthedocs.io/en/latest/component/component.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.activations import activation as activation_named
from tfmtl.layers.batch_normalization import BatchNormalization
from tfmtl.layers.perceptron import l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class MLP(keras.layers.Layer):
    """Maps (batch, inputs) to (batch, hidden_units[-1]).

    Args:
        hidden_units: Width of each layer; at least one.
        activation: Of all layers but the last.
        final_activation: Of the last.
        use_bn: Whether all layers but the last are normalized.
        use_final_bn: Whether the last is.
        use_bias: Whether all layers but the last have a bias.
        use_final_bias: Whether the last has.
        use_bn_after_activation: Whether to normalize after the activation.
        dropout_ratio: Share of units dropped after each layer; 0 where the list has ended.
        initializer: Keras's name of the kernels' initializer.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        activation: str = "relu",
        final_activation: str = "relu",
        use_bn: bool = True,
        use_final_bn: bool = True,
        use_bias: bool = False,
        use_final_bias: bool = False,
        use_bn_after_activation: bool = False,
        dropout_ratio: Sequence[float] = (),
        initializer: str = "he_uniform",
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        self.activation = activation
        self.final_activation = final_activation
        self.use_bn = use_bn
        self.use_final_bn = use_final_bn
        self.use_bias = use_bias
        self.use_final_bias = use_final_bias
        self.use_bn_after_activation = use_bn_after_activation
        self.dropout_ratio = list(dropout_ratio)
        self.initializer = initializer
        self.l2 = l2
        self._steps: list[Any] = []
        for index in range(len(self.hidden_units)):
            self._steps.extend(self._layer(index))

    def _layer(self, index: int) -> list[Any]:
        is_last = index == len(self.hidden_units) - 1
        dense = keras.layers.Dense(
            self.hidden_units[index],
            use_bias=self.use_final_bias if is_last else self.use_bias,
            kernel_initializer=self.initializer,
            kernel_regularizer=l2_regularizer(self.l2),
            name=f"dense_{index}",
        )
        after: list[Any] = [activation_named(self.final_activation if is_last else self.activation)]
        if self.use_final_bn if is_last else self.use_bn:
            place = 1 if self.use_bn_after_activation else 0
            after.insert(place, BatchNormalization(name=f"bn_{index}"))
        rate = self.dropout_ratio[index] if index < len(self.dropout_ratio) else 0.0
        if rate:
            after.append(keras.layers.Dropout(rate, name=f"dropout_{index}"))
        return [dense, *after]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = inputs
        for step in self._steps:
            outputs = step(outputs)  # Keras hands `training` on.
        return outputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = (
            "hidden_units",
            "activation",
            "final_activation",
            "use_bn",
            "use_final_bn",
            "use_bias",
            "use_final_bias",
            "use_bn_after_activation",
            "dropout_ratio",
            "initializer",
            "l2",
        )
        return {**config, **{name: getattr(self, name) for name in names}}
