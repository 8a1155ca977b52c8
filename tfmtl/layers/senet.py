"""Squeeze and excitation: which features matter, and which of their units, by what all of them say.

    z = [max(x_f,g), mean(x_f,g)  for features f and their groups g]
    w = W_2·relu(W_1·z + b_1) + b_2
    y = norm(w ⊙ x + x)                       x the features side by side

Huang et al. 2019, "FiBiNET: Combining Feature Importance and Bilinear Feature Interaction for
Click-Through Rate Prediction" (RecSys, arXiv:1905.09433), section 3.2; groups, weights of units and
the skip connection are of Zhang et al. 2022, "FiBiNet++" (arXiv:2209.05016), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class SENet(keras.layers.Layer):
    """Maps features, a list of (batch, width), to (batch, Σ width).

    Args:
        reduction_ratio: The hidden layer has 2·features·groups / reduction_ratio units.
        num_squeeze_group: Groups of a feature, which divide the width of each.
        use_skip_connection: Whether to add x.
        use_output_layer_norm: Whether to normalize each row at the end.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        reduction_ratio: int = 4,
        num_squeeze_group: int = 2,
        use_skip_connection: bool = True,
        use_output_layer_norm: bool = True,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.reduction_ratio = reduction_ratio
        self.num_squeeze_group = num_squeeze_group
        self.use_skip_connection = use_skip_connection
        self.use_output_layer_norm = use_output_layer_norm
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        squeezed = 2 * len(input_shape) * self.num_squeeze_group
        self.reduce = keras.layers.Dense(
            max(1, squeezed // self.reduction_ratio),
            activation="relu",
            kernel_initializer="he_uniform",
            kernel_regularizer=l2_regularizer(self.l2),
            name="reduce",
        )
        self.excite = keras.layers.Dense(
            sum(shape[-1] for shape in input_shape),
            kernel_initializer="glorot_normal",
            kernel_regularizer=l2_regularizer(self.l2),
            name="excite",
        )
        if self.use_output_layer_norm:
            self.norm = keras.layers.LayerNormalization(name="norm")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x = tf.concat(inputs, axis=-1)
        y = x * self.excite(self.reduce(self._squeezed(inputs)))
        if self.use_skip_connection:
            y += x
        return self.norm(y) if self.use_output_layer_norm else y

    def _squeezed(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        parts = []
        for x in inputs:
            groups = self.num_squeeze_group
            grouped = tf.reshape(x, [-1, groups, x.shape[-1] // groups])
            parts += [tf.reduce_max(grouped, axis=-1), tf.reduce_mean(grouped, axis=-1)]
        return tf.concat(parts, axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = (
            "reduction_ratio",
            "num_squeeze_group",
            "use_skip_connection",
            "use_output_layer_norm",
            "l2",
        )
        return {**config, **{name: getattr(self, name) for name in names}}
