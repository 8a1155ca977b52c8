"""Parallel networks one by one."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class Unstack(keras.layers.Layer):
    """Splits (networks, batch, units) into a list of (batch, units)."""

    def call(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        return tf.unstack(inputs)
