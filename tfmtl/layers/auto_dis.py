"""Embeddings of numbers by bins that are learned and soft.

    h = leaky_relu(w·x)
    u = W·h + α·h
    e = Σ_i softmax(u / τ)_i · M_i

with a slope of 0.2 below 0, and a row M_i for each of the bins: the closer τ is to 0, the fewer
bins a number is in.

Guo et al., "An Embedding Learning Framework for Numerical Features in CTR Prediction" (AutoDis),
KDD 2021, https://arxiv.org/abs/2012.08986.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.numeric_embedding import NumericEmbedding


@keras.utils.register_keras_serializable("tfmtl")
class AutoDis(NumericEmbedding):
    """Maps numbers by feature, `(batch, size)` each, to embeddings by feature, `(batch, dim)`.

    Args:
        sizes: How many numbers each feature has, by its name.
        dim: Width of an embedding.
        num_bins: How many rows M_i each number has.
        skip: α.
        temperature: τ.
        initializer: Of the M_i; by default a truncated normal of deviation 0.01/√dim.
        **kwargs: The other arguments of `NumericEmbedding`.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        dim: int,
        num_bins: int = 20,
        skip: float = 0.8,
        temperature: float = 1.0,
        initializer: keras.initializers.Initializer | str | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(sizes, dim, **kwargs)
        self.num_bins = num_bins
        self.skip = skip
        self.temperature = temperature
        self.initializer = keras.initializers.get(
            initializer or keras.initializers.TruncatedNormal(stddev=0.01 / dim**0.5)
        )

    def build(self, input_shape: Any) -> None:
        self.w = self.kernel("w", 1, self.num_bins)
        self.mixed = self.kernel("mixed", self.num_bins, self.num_bins)
        self.bins = self.kernel("bins", self.num_bins, self.dim, self.initializer)
        super().build(input_shape)

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        h = tf.nn.leaky_relu(x * self.w)
        u = tf.matmul(h, self.mixed) + self.skip * h
        return tf.matmul(tf.nn.softmax(u / self.temperature), self.bins)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "skip": self.skip,
            "temperature": self.temperature,
            "initializer": keras.initializers.serialize(self.initializer),
        }
