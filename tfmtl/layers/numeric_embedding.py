"""What the embeddings of numbers have in common: those of several features are computed at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.placed import Placed


class NumericEmbedding(keras.layers.Layer):
    """Maps numbers by feature, `(batch, size)` each, to embeddings by feature, `(batch, dim)`.

    Every number has weights of its own, also those of one vector, whose embeddings become one.

    Args:
        sizes: How many numbers each feature has, by its name.
        dim: Width of an embedding.
        combiner: How the embeddings of a vector become one: "sum", "mean" or "sqrtn".
    """

    def __init__(
        self, sizes: Mapping[str, int], dim: int, combiner: str = "sum", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = dict(sizes)
        self.dim = dim
        self.combiner = combiner

    @property
    def numbers(self) -> int:
        """How many numbers a row has, of all features."""
        return sum(self.sizes.values())

    @property
    def placed(self) -> list[Placed]:
        """Where the weights of each feature lie, as `<feature>/<name of the weight>`."""
        ends = itertools.accumulate(self.sizes.values())
        places = {
            feature: (end - size, end)
            for (feature, size), end in zip(self.sizes.items(), ends, strict=True)
        }
        return [
            Placed(f"{feature}/{_last_part(kernel.name)}", kernel, first, end)
            for kernel in self.weights
            for feature, (first, end) in places.items()
        ]

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        """The embeddings `(numbers, batch, dim)` of numbers `(numbers, batch, 1)`."""
        raise NotImplementedError

    def kernel(
        self,
        name: str,
        inputs: int,
        units: int,
        initializer: keras.initializers.Initializer | None = None,
    ) -> tf.Variable:
        """A weight `(numbers, inputs, units)`, whose parts start as Glorot's unless told how."""
        # Glorot's bound of one part; Keras would take the axis of numbers for a receptive field.
        bound = (6.0 / (inputs + units)) ** 0.5
        initializer = initializer or keras.initializers.RandomUniform(-bound, bound)
        shape = (self.numbers, inputs, units)
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def call(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = tf.concat([inputs[name] for name in self.sizes], axis=1)
        embedded = self.embed(tf.transpose(x)[..., tf.newaxis])
        parts = tf.split(embedded, list(self.sizes.values()))
        return {
            name: self._combined(part, size)
            for (name, size), part in zip(self.sizes.items(), parts, strict=True)
        }

    def _combined(self, part: tf.Tensor, size: int) -> tf.Tensor:
        if size == 1:
            return part[0]
        scale = {"sum": 1.0, "mean": 1 / size, "sqrtn": size**-0.5}[self.combiner]
        return tf.reduce_sum(part, axis=0) * scale

    def get_config(self) -> dict[str, Any]:
        names = ("sizes", "dim", "combiner")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _last_part(name: str) -> str:
    """`bins` of `numeric_embeddings/bins:0`."""
    return name.rpartition("/")[2].removesuffix(":0")
