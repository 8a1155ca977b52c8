"""Messages of layers as the plain arguments that the layers take."""

from __future__ import annotations

from typing import Any

from tfmtl.protos import layer_pb2


def mlp_arguments(message: layer_pb2.MLP, l2: float) -> dict[str, Any]:
    """An `MLP` message as the arguments of `layers.MLP`."""
    return {
        "hidden_units": list(message.hidden_units),
        "activation": message.activation,
        "final_activation": message.final_activation,
        "use_bn": message.use_bn,
        "use_final_bn": message.use_final_bn,
        "use_bias": message.use_bias,
        "use_final_bias": message.use_final_bias,
        "use_bn_after_activation": message.use_bn_after_activation,
        "dropout_ratio": list(message.dropout_ratio),
        "initializer": message.initializer,
        "l2": l2,
    }
