"""A recurrent network over the steps, in their order: the state h_T after a row's last one.

    z   = σ(W_z·x_t + U_z·h_{t−1} + b_z)        how much of the state stays
    r   = σ(W_r·x_t + U_r·h_{t−1} + b_r)        how much of it the new one sees
    n   = tanh(W_n·x_t + b_n + r ⊙ (U_n·h_{t−1} + c_n))
    h_t = z ⊙ h_{t−1} + (1 − z) ⊙ n,  h_0 = 0

A row without steps has zeros. Cho et al. 2014, "Learning Phrase Representations using RNN
Encoder–Decoder" (EMNLP, arXiv:1406.1078); as in Keras, r is applied behind U_n.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.steps import filled_up


@keras.utils.register_keras_serializable("tfmtl")
class RecurrentSteps(keras.layers.Layer):
    """Maps ragged `(batch, None, width)` to `(batch, units)`.

    Args:
        units: Width of the state.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(self, units: int, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.l2 = l2
        penalty = l2_regularizer(l2)
        cell = keras.layers.GRUCell(
            units, kernel_regularizer=penalty, recurrent_regularizer=penalty, name="cell"
        )
        # Not `keras.layers.GRU`: that puts an operation of cuDNN into the graph, too.
        self.network = keras.layers.RNN(cell, name="network")

    def call(self, inputs: tf.RaggedTensor) -> tf.Tensor:
        x, is_step = filled_up(inputs)
        return self.network(x, mask=is_step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "l2": self.l2}
