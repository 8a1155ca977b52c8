"""A value that teaches nothing to what it was computed by."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class StopGradient(keras.layers.Layer):
    """Passes its input on, and no gradient back."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(inputs)
