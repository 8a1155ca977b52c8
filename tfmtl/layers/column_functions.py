"""Functions of numbers, by the names that a config may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

COLUMN_FUNCTIONS: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "abs": tf.abs,
    "ceil": tf.math.ceil,
    "exp": tf.exp,
    "floor": tf.floor,
    "log": tf.math.log,
    "log1p": tf.math.log1p,
    "relu": tf.nn.relu,
    "round": tf.round,
    "rsqrt": tf.math.rsqrt,
    "sigmoid": tf.sigmoid,
    "sign": tf.sign,
    "sqrt": tf.sqrt,
    "square": tf.square,
    "tanh": tf.tanh,
}
