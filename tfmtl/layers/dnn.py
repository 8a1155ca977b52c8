"""The multi-layer perceptron of towers and bottoms: h_l = a(BN(h_{l−1}·W_l))."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import Perceptron, l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class DNN(Perceptron):
    """Maps (batch, inputs) to (batch, hidden_units[-1]).

    Without layers it passes its input through. Arguments are those of `Perceptron`.
    """

    def dense(self, units: int, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(
            units, use_bias=not self.use_bn, kernel_regularizer=l2_regularizer(self.l2), name=name
        )

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        last = self.hidden_units[-1] if self.hidden_units else input_shape[-1]
        return tf.TensorShape([*list(input_shape)[:-1], last])
