"""Embeddings of numbers by waves of learned frequencies.

    v = 2π·[c_1·x, …, c_k·x]                    c ~ N(0, σ) at the start
    e = relu([sin v, cos v]·W + b)

Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022,
https://arxiv.org/abs/2203.05556, section 3.3, their PLR.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.numeric_embedding import NumericEmbedding


@keras.utils.register_keras_serializable("tfmtl")
class Periodic(NumericEmbedding):
    """Maps numbers by feature, `(batch, size)` each, to embeddings by feature, `(batch, dim)`.

    Args:
        sizes: How many numbers each feature has, by its name.
        dim: Width of an embedding.
        num_frequencies: k.
        sigma: σ.
        **kwargs: The other arguments of `NumericEmbedding`.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        dim: int,
        num_frequencies: int = 48,
        sigma: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(sizes, dim, **kwargs)
        self.num_frequencies = num_frequencies
        self.sigma = sigma

    def build(self, input_shape: Any) -> None:
        frequencies = keras.initializers.RandomNormal(stddev=self.sigma)
        self.c = self.kernel("frequencies", 1, self.num_frequencies, frequencies)
        self.w = self.kernel("kernel", 2 * self.num_frequencies, self.dim)
        self.b = self.kernel("bias", 1, self.dim, keras.initializers.Zeros())
        super().build(input_shape)

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        v = 2 * math.pi * x * self.c
        waves = tf.concat([tf.sin(v), tf.cos(v)], axis=-1)
        return tf.nn.relu(tf.matmul(waves, self.w) + self.b)

    def get_config(self) -> dict[str, Any]:
        own = {"num_frequencies": self.num_frequencies, "sigma": self.sigma}
        return {**super().get_config(), **own}
