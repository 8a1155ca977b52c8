"""Activation functions by name, with the learnt ones of the recommender literature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.batch_normalization import BatchNormalization


@keras.utils.register_keras_serializable("tfmtl")
class PReLU(keras.layers.Layer):
    """x where positive, α·x elsewhere, α learnt by unit (He et al. 2015, arXiv:1502.01852)."""

    def build(self, input_shape: Any) -> None:
        shape = [*list(input_shape)[:-2], 1, input_shape[-1]]
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(inputs) - self.alpha * tf.nn.relu(-inputs)


@keras.utils.register_keras_serializable("tfmtl")
class Dice(keras.layers.Layer):
    """p·x + (1 − p)·α·x with p = σ(normalized x): a PReLU whose bend follows the data.

    Zhou et al. 2018, "Deep Interest Network" (arXiv:1706.06978), eq. 3.
    """

    def build(self, input_shape: Any) -> None:
        shape = [*list(input_shape)[:-2], 1, input_shape[-1]]
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer="zeros")
        self.normalization = BatchNormalization(scale=False, center=False, name="normalization")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        probability = tf.sigmoid(self.normalization(inputs, training=training))
        return inputs * (probability + (1.0 - probability) * self.alpha)


_LEARNT: dict[str, type[keras.layers.Layer]] = {"prelu": PReLU, "dice": Dice}
_FUNCTIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "elu": tf.nn.elu,
    "gelu": tf.nn.gelu,
    "leaky_relu": tf.nn.leaky_relu,
    "linear": tf.identity,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "selu": tf.nn.selu,
    "sigmoid": tf.sigmoid,
    "softplus": tf.nn.softplus,
    "swish": tf.nn.silu,
    "tanh": tf.tanh,
}
NAMES = tuple(sorted([*_FUNCTIONS, *_LEARNT]))
_ALIASES = {"": "linear", "silu": "swish", "identity": "linear"}


def canonical_name(name: str) -> str:
    """The plain name of an activation that may be spelled as a path: `tf.nn.relu` is `relu`.

    Raises:
        ValueError: For a name that is none.
    """
    plain = name.rpartition(".")[2].lower()
    plain = _ALIASES.get(plain, plain)
    if plain not in NAMES:
        raise ValueError(f"`activation` should be one of {', '.join(NAMES)}. Received: {name!r}.")
    return plain


def activation(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function, or a new layer for a learnt activation, by its name."""
    plain = canonical_name(name)
    return _LEARNT[plain](name=plain) if plain in _LEARNT else _FUNCTIONS[plain]
