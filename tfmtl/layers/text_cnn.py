"""Convolutions over the steps, in their order, and the largest value that each filter finds.

    c_t = a(Σ_{i<k} W_i·h_{t+i} + b),  out = max_t c_t     for filters of each size k, side by side

for t = 1 … T, the windows that begin at a step of the row; what lies behind its last step is 0. A
row without steps has zeros. Kim 2014, "Convolutional Neural Networks for Sentence Classification"
(EMNLP, arXiv:1408.5882).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.activations import activation as activation_named
from tfmtl.layers.mlp import MLP
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.pooled_steps import largest
from tfmtl.layers.segments import rows_of


@keras.utils.register_keras_serializable("tfmtl")
class TextCNN(keras.layers.Layer):
    """Maps ragged `(batch, None, width)` to `(batch, Σ num_filters)`, or to an MLP's width.

    Args:
        filter_sizes: k of each kind of filter.
        num_filters: How many filters of each kind.
        most: The most steps that are read, the first ones; 0 for all.
        activation: a, by its name.
        mlp: The arguments of an `MLP` that reads what the filters found; None for none.
        l2: The penalty l2·Σw²/2 on the W.
    """

    def __init__(
        self,
        filter_sizes: Sequence[int],
        num_filters: Sequence[int],
        most: int = 0,
        activation: str = "relu",
        mlp: Mapping[str, Any] | None = None,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filter_sizes = list(filter_sizes)
        self.num_filters = list(num_filters)
        self.most = most
        self.activation = activation
        self.mlp = None if mlp is None else dict(mlp)
        self.l2 = l2
        # A convolution is a dense layer over the steps of each window, side by side.
        self.filters = [
            keras.layers.Dense(
                filters, kernel_regularizer=l2_regularizer(l2), name=f"filters_of_{size}_{index}"
            )
            for index, (size, filters) in enumerate(zip(filter_sizes, num_filters, strict=True))
        ]
        self._activations = [activation_named(activation) for _ in self.filters]
        self.stack = None if mlp is None else MLP(**mlp, name="mlp")

    def call(self, inputs: tf.RaggedTensor) -> tf.Tensor:
        steps = inputs[:, : self.most] if self.most else inputs
        rows, lengths = rows_of(steps), steps.row_lengths()
        kinds = zip(self.filter_sizes, self.filters, self._activations, strict=True)
        found = [
            largest(activated(filters(_windows(steps, size, rows))), rows, lengths)
            for size, filters, activated in kinds
        ]
        outputs = tf.concat(found, axis=-1)
        if self.stack is None:
            return outputs
        made = self.stack(outputs)
        return tf.where(lengths[:, tf.newaxis] > 0, made, tf.zeros_like(made))

    def get_config(self) -> dict[str, Any]:
        names = ("filter_sizes", "num_filters", "most", "activation", "mlp", "l2")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _windows(steps: tf.RaggedTensor, size: int, rows: tf.Tensor) -> tf.Tensor:
    """The `size` steps from each on, side by side `(steps, size·width)`; 0 behind a row's end."""
    h = steps.flat_values
    first, end = tf.range(tf.shape(h, tf.int64)[0]), tf.gather(steps.row_limits(), rows)
    parts = [h]
    for place in range(1, size):
        inside = (first + place < end)[:, tf.newaxis]
        parts.append(tf.where(inside, tf.roll(h, -place, axis=0), 0.0))
    return tf.concat(parts, axis=-1)
