"""What a perceptron and a bank of them have in common.

Per layer: Dense, batch normalization, activation, dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.activations import activation as activation_named
from tfmtl.layers.batch_normalization import BatchNormalization


def l2_regularizer(l2: float) -> keras.regularizers.Regularizer | None:
    """The penalty l2·Σw²/2."""
    return keras.regularizers.L2(l2 / 2) if l2 else None


class Perceptron(keras.layers.Layer):
    """A stack of layers; a subclass says what the dense part of one is.

    Args:
        hidden_units: Width of each layer; `[]` and `[0]` both mean none.
        activation: Name of the activation after every layer, the last one too.
        use_bn: Whether to normalize each layer before its activation. The layer then has no bias:
            the normalization takes it away, and has its own.
        dropout_ratio: Share of units dropped after each layer: none, one for all layers, or one
            each.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        activation: str = "relu",
        use_bn: bool = True,
        dropout_ratio: Sequence[float] = (),
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = [] if list(hidden_units) == [0] else list(hidden_units)
        self.activation = activation
        self.use_bn = use_bn
        self.dropout_ratio = list(dropout_ratio)
        self.l2 = l2
        self._steps: list[Any] = []
        for index, (units, rate) in enumerate(zip(self.hidden_units, self._rates(), strict=True)):
            self._steps.extend(self._layer(index, units, rate))

    def dense(self, units: int, name: str) -> keras.layers.Layer:
        """The linear part of a layer."""
        raise NotImplementedError

    def _layer(self, index: int, units: int, rate: float) -> list[Any]:
        steps: list[Any] = [self.dense(units, f"dense_{index}")]
        if self.use_bn:
            steps.append(BatchNormalization(name=f"bn_{index}"))
        steps.append(activation_named(self.activation))
        if rate:
            steps.append(keras.layers.Dropout(rate, name=f"dropout_{index}"))
        return steps

    def _rates(self) -> list[float]:
        layers = len(self.hidden_units)
        if len(self.dropout_ratio) not in (0, 1, layers):
            raise ValueError(
                f"`dropout_ratio` should have one value, or one for each of {layers} layers."
                f" Received: {list(self.dropout_ratio)}."
            )
        return (
            self.dropout_ratio
            if len(self.dropout_ratio) == layers
            else [*self.dropout_ratio, 0.0][:1] * layers
        )

    @property
    def first(self) -> keras.layers.Layer | None:
        """The linear part of the first layer, if there is a layer."""
        return self._steps[0] if self._steps else None

    def finish(self, product: Any) -> Any:
        """The outputs, from what `first` gives."""
        return self._run(self._steps[1:], product)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self._run(self._steps, inputs)

    def _run(self, steps: Sequence[Any], inputs: Any) -> Any:
        outputs = inputs
        for step in steps:
            outputs = step(outputs)  # Keras hands `training` on.
        return outputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("hidden_units", "activation", "use_bn", "dropout_ratio", "l2")
        return {**config, **{name: getattr(self, name) for name in names}}
