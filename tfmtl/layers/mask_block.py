"""A mask over the units of a vector, made for each row of the features.

    m = W_2·relu(W_1·v + b_1) + b_2
    y = relu(norm(W·(x ⊙ m)))                 x ⊙ m itself without a width of the output

Wang et al. 2021, "MaskNet: Introducing Feature-Wise Multiplication to CTR Ranking Models by
Instance-Guided Mask" (DLP-KDD, arXiv:2102.07619), sections 3.2 and 3.3.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class MaskBlock(keras.layers.Layer):
    """Maps x and v, [(batch, width), (batch, inputs)], to (batch, output_size), or (batch, width).

    A single tensor is both.

    Args:
        aggregation_size: Width of the mask's hidden layer; `None` if it is relative.
        reduction_factor: That width relative to the inputs'; `None` if it is not.
        output_size: Width of the layer after the mask; `None` for none.
        projection_dim: Width that the hidden layer is brought to before W_2; `None` for none.
        input_layer_norm: Whether to normalize x, each row by itself.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        aggregation_size: int | None = None,
        reduction_factor: float | None = None,
        output_size: int | None = None,
        projection_dim: int | None = None,
        input_layer_norm: bool = False,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aggregation_size = aggregation_size
        self.reduction_factor = reduction_factor
        self.output_size = output_size
        self.projection_dim = projection_dim
        self.input_layer_norm = input_layer_norm
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        x, v = input_shape if isinstance(input_shape, list) else [input_shape] * 2
        hidden = self.aggregation_size
        if self.reduction_factor:
            hidden = max(1, int(v[-1] * self.reduction_factor))
        self.mask = [self._dense(hidden, "hidden", activation="relu")]
        if self.projection_dim:
            self.mask.append(self._dense(self.projection_dim, "projection", use_bias=False))
        self.mask.append(self._dense(x[-1], "mask"))
        if self.input_layer_norm:
            self.input_norm = keras.layers.LayerNormalization(name="input_norm")
        if self.output_size:
            self.output_dense = self._dense(self.output_size, "output", use_bias=False)
            self.output_norm = keras.layers.LayerNormalization(name="output_norm")
        super().build(input_shape)

    def _dense(self, units: int | None, name: str, **kwargs: Any) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, kernel_regularizer=l2_regularizer(self.l2), name=name, **kwargs
        )

    def call(self, inputs: Any) -> tf.Tensor:
        x, mask = inputs if isinstance(inputs, list) else (inputs, inputs)
        for layer in self.mask:
            mask = layer(mask)
        if self.input_layer_norm:
            x = self.input_norm(x)
        masked = x * mask
        if not self.output_size:
            return masked
        return tf.nn.relu(self.output_norm(self.output_dense(masked)))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = (
            "aggregation_size",
            "reduction_factor",
            "output_size",
            "projection_dim",
            "input_layer_norm",
            "l2",
        )
        return {**config, **{name: getattr(self, name) for name in names}}
