"""Features added up: one operation, however many there are."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class FeatureSum(keras.layers.Layer):
    """Maps the vectors of features, side by side as (batch, features · d), to their sum (batch, d).

    Args:
        width: d.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        features = inputs.shape[-1] // self.width
        return tf.reduce_sum(tf.reshape(inputs, [-1, features, self.width]), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}
