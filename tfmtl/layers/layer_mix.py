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
    """Sums the layers of each network, all of one shape; β starts as 1 / number of layers.

    A layer is a list of (batch, units), one for each network; so is the sum.
    """

    def build(self, input_shape: Any) -> None:
        networks, layers = len(input_shape[0]), len(input_shape)
        self.beta = self.add_weight(
            name="beta",
            shape=(networks, layers),
            initializer=keras.initializers.Constant(1.0 / layers),
        )
        super().build(input_shape)

    def call(self, inputs: Sequence[Sequence[tf.Tensor]]) -> list[tf.Tensor]:
        betas = [tf.unstack(of_network) for of_network in tf.unstack(self.beta)]
        networks = zip(*inputs, strict=True)
        return [
            tf.add_n([beta * layer for beta, layer in zip(of_network, layers, strict=True)])
            for of_network, layers in zip(betas, networks, strict=True)
        ]
