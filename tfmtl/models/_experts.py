"""Parts that architectures of experts share: a bank from a message, and a gate with its mixture."""

from __future__ import annotations

from collections.abc import Sequence

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._towers import dnn_arguments
from tfmtl.protos import layer_pb2


def bank(message: layer_pb2.DNN, num_experts: int, l2: float, name: str) -> layers.ExpertBank:
    """Experts of the layers of a `DNN` message."""
    return layers.ExpertBank(num_experts, **dnn_arguments(message), l2=l2, name=name)


def mixture(
    experts: Sequence[keras.KerasTensor], selector: keras.KerasTensor, prefix: str = ""
) -> keras.KerasTensor:
    """`Σ_e softmax(W·selector + b)_e · f_e`, of layers `<prefix>gate` and `<prefix>mixture`.

    Args:
        experts: The outputs of one bank or more, each `(experts, batch, units)`.
        selector: What the gate reads, `(batch, width)`.
        prefix: Begins the names of the layers.

    Returns:
        The mixture `(batch, units)`.
    """
    count = sum(outputs.shape[0] for outputs in experts)
    gate = layers.Gate(count, name=f"{prefix}gate")(selector)
    return layers.MixExperts(name=f"{prefix}mixture")([*experts, gate])
