"""How a sequence becomes one vector: the layer that a feature's config asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.layer_arguments import mlp_arguments
from tfmtl.protos.feature_pb2 import FeatureConfig

# Makes the layer that maps steps, ragged `(batch, None, width)`, to a vector: of their width, the
# penalty l2·Σw²/2 on its kernels, and its name.
Encoder: TypeAlias = Callable[[int, float, str], keras.layers.Layer]


def encoder_of(config: FeatureConfig) -> Encoder | None:
    """The encoder of a sequence; None if it is not to become one vector."""
    for message, oneof in (
        (config.sequence_encoder, "encoder"),
        (config.sequence_combiner, "combiner"),
    ):
        kind = message.WhichOneof(oneof)
        if kind is not None:
            return functools.partial(_layer, kind, getattr(message, kind), config.max_seq_len)
    return None


def _layer(
    kind: str, message: Any, most: int, width: int, l2: float, name: str
) -> keras.layers.Layer:
    if kind in ("mean", "max"):
        return layers.PooledSteps(kind, name=name)
    if kind == "attention":
        return layers.WeighedSteps(l2, name=name)
    if kind == "gru":
        return layers.RecurrentSteps(message.units or width, l2, name=name)
    if kind == "text_cnn":
        return _text_cnn(message, l2, name)
    return layers.SelfAttention(
        message.num_heads,
        message.head_dim,
        message.hidden_units,
        message.dropout_ratio,
        most if message.use_position else 0,
        l2,
        name=name,
    )


def _text_cnn(message: Any, l2: float, name: str) -> layers.TextCNN:
    return layers.TextCNN(
        message.filter_sizes,
        message.num_filters,
        message.pad_sequence_length,
        message.activation,
        mlp_arguments(message.mlp, l2) if message.HasField("mlp") else None,
        l2,
        name=name,
    )
