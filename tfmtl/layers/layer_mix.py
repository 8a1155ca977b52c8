"""Skip connections of parallel networks: each takes what it wants of all its layers.

    h_k = Σ_l β_kl · h_kl

Ruder et al. 2017, "Latent Multi-task Architecture Learning" (arXiv:1705.08142).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class LayerMix(keras.layers.Layer):
    """Sums layers (networks, batch, units), all of one shape; β starts as 1 / number of layers."""

    def build(self, input_shape: Any) -> None:
        networks, layers = input_shape[0][0], len(input_shape)
        self.beta = self.add_weight(
            name="beta",
            shape=(networks, layers),
            initializer=keras.initializers.Constant(1.0 / layers),
        )
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        betas = tf.unstack(self.beta[:, :, tf.newaxis, tf.newaxis], axis=1)
        return tf.add_n([beta * layer for beta, layer in zip(betas, inputs, strict=True)])

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        return tf.TensorShape(input_shape[0])
