"""Activation functions by name, with the learnt ones of the recommender literature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.batch_normalization import BatchNormalization
from tfmtl.layers.by_unit import ByUnit, Inputs, by_network


@keras.utils.register_keras_serializable("tfmtl")
class PReLU(ByUnit):
    """x where positive, α·x elsewhere, α learnt by unit (He et al. 2015, arXiv:1502.01852)."""

    def build(self, input_shape: Any) -> None:
        self.alpha = self.add_weight(
            name="alpha", shape=self.weights_shape(input_shape), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, inputs: Inputs) -> Any:
        return by_network(_bent, inputs, self.alpha)


@keras.utils.register_keras_serializable("tfmtl")
class Dice(ByUnit):
    """p·x + (1 − p)·α·x with p = σ(normalized x): a PReLU whose bend follows the data.

    Zhou et al. 2018, "Deep Interest Network" (arXiv:1706.06978), eq. 3.
    """

    def build(self, input_shape: Any) -> None:
        self.alpha = self.add_weight(
            name="alpha", shape=self.weights_shape(input_shape), initializer="zeros"
        )
        self.normalization = BatchNormalization(scale=False, center=False, name="normalization")
        super().build(input_shape)

    def call(self, inputs: Inputs, training: bool | None = None) -> Any:
        normalized = self.normalization(inputs, training=training)
        if isinstance(inputs, list):
            alphas = tf.unstack(self.alpha)
            return [_followed(*each) for each in zip(inputs, normalized, alphas, strict=True)]
        return _followed(inputs, normalized, self.alpha)


def _bent(x: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(x) - alpha * tf.nn.relu(-x)


def _followed(x: tf.Tensor, normalized: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    probability = tf.sigmoid(normalized)
    return x * (probability + (1.0 - probability) * alpha)


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
    "softmax": tf.nn.softmax,
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
