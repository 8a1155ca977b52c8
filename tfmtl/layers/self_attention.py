"""Self-attention: every step looks at the steps of its row; then the mean of what they have seen.

    y   = norm(x + heads(x, x, x))              x_t = h_t, or h_t + p_t with positions
    z   = norm(y + relu(y·W_1 + b_1)·W_2 + b_2)
    out = Σ_t z_t / T

for the steps h_1 … h_T of a row; a row without steps has zeros.

Vaswani et al. 2017, "Attention Is All You Need" (NeurIPS, arXiv:1706.03762), one block of its
encoder; over behaviour sequences Chen et al. 2019, "Behavior Sequence Transformer for E-commerce
Recommendation in Alibaba" (arXiv:1905.06874).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.steps import filled_up


@keras.utils.register_keras_serializable("tfmtl")
class SelfAttention(keras.layers.Layer):
    """Maps ragged `(batch, None, width)` to `(batch, width)`.

    Args:
        num_heads: How many heads look in parallel.
        head_dim: Width of a head's queries, keys and values; 0 for width / heads, rounded up.
        hidden_units: Width of the hidden layer of each step, W_1; 0 for that of a step.
        dropout_ratio: Share of what the heads and the layers give that is dropped in training.
        positions: How many places have a vector p_t of their own; 0 means that the order is not
            seen. No row may have more steps.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        num_heads: int = 1,
        head_dim: int = 0,
        hidden_units: int = 0,
        dropout_ratio: float = 0.0,
        positions: int = 0,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.hidden_units = hidden_units
        self.dropout_ratio = dropout_ratio
        self.positions = positions
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        width, penalty = int(input_shape[-1]), l2_regularizer(self.l2)
        self.heads = keras.layers.MultiHeadAttention(
            self.num_heads,
            self.head_dim or -(-width // self.num_heads),
            kernel_regularizer=penalty,
            name="heads",
        )
        self.hidden = keras.layers.Dense(
            self.hidden_units or width, activation="relu", kernel_regularizer=penalty, name="hidden"
        )
        self.output_layer = keras.layers.Dense(width, kernel_regularizer=penalty, name="output")
        # With Keras's own epsilon it is an operation for images, which takes no empty batch.
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-6, name=f"norm_{index}") for index in (0, 1)
        ]
        self.dropout = keras.layers.Dropout(self.dropout_ratio)
        if self.positions:
            self.position = self.add_weight(
                name="position",
                shape=(self.positions, width),
                initializer=keras.initializers.TruncatedNormal(stddev=0.01 / width**0.5),
            )
        super().build(input_shape)

    def call(self, inputs: tf.RaggedTensor, training: bool | None = None) -> tf.Tensor:
        x, is_step = filled_up(inputs)
        if self.positions:
            x += self.position[: tf.shape(x)[1]]
        seen = self.heads(x, x, attention_mask=is_step[:, tf.newaxis, :])
        y = self.norms[0](x + self.dropout(seen, training=training))
        added = self.output_layer(self.hidden(y))
        z = self.norms[1](y + self.dropout(added, training=training))
        counted = tf.cast(is_step, z.dtype)[..., tf.newaxis]
        total = tf.reduce_sum(z * counted, axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(counted, axis=1))

    def get_config(self) -> dict[str, Any]:
        names = ("num_heads", "head_dim", "hidden_units", "dropout_ratio", "positions", "l2")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
