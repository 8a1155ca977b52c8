"""Where a table's values start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import ConfigError
from tfmtl.protos.feature_pb2 import Initializer


@keras.utils.register_keras_serializable("tfmtl")
class ConstantRow(keras.initializers.Initializer):
    """Starts every row of a table with the same values.

    Args:
        values: One for each place of a row.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
        """Returns the table."""
        del kwargs  # Keras passes the layout of distributed variables.
        return tf.broadcast_to(tf.constant(self.values, dtype or tf.float32), shape)

    def get_config(self) -> dict[str, Any]:
        return {"values": self.values}


def initializer_of(config: Initializer, dim: int) -> keras.initializers.Initializer | None:
    """The initializer that a config describes, or None if it describes none.

    Args:
        config: The config.
        dim: Width of the table.

    Raises:
        ConfigError: If it does not fit the table.
    """
    kind = config.WhichOneof("initializer_oneof")
    if kind is None:
        return None
    if kind == "glorot_normal_initializer":
        return keras.initializers.GlorotNormal()
    if kind == "constant_initializer":
        return _constant(config.constant_initializer.consts, dim)
    normal = {
        "truncated_normal_initializer": keras.initializers.TruncatedNormal,
        "random_normal_initializer": keras.initializers.RandomNormal,
    }[kind]
    message = getattr(config, kind)
    return normal(message.mean, message.stddev)


def _constant(values: Sequence[float], dim: int) -> keras.initializers.Initializer:
    if len(values) == 1:
        return keras.initializers.Constant(values[0])
    if len(values) == dim:
        return ConstantRow(values)
    rule = "one value, or one for each place of the embedding"
    raise ConfigError(
        [
            f"`constant_initializer.consts` should have {rule}, which is {dim} wide. "
            f"Received: {len(values)} values."
        ]
    )
