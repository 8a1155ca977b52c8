"""A sum of vectors by given weights: y = Σ_i w_i·x_i."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class WeightedSum(keras.layers.Layer):
    """Sums vectors (batch, units), by weights (batch, vectors or more) after them."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        *vectors, weights = inputs
        return tf.add_n([x * weights[:, i : i + 1] for i, x in enumerate(vectors)])
