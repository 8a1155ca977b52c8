"""Parts that architectures of experts share: a bank from a message, and a gate with its mixture."""

from __future__ import annotations

from collections.abc import Sequence

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._towers import dnn, dnn_arguments
from tfmtl.protos import layer_pb2, model_pb2


def bank(message: layer_pb2.DNN, num_experts: int, l2: float, name: str) -> layers.ExpertBank:
    """Experts of the layers of a `DNN` message."""
    return layers.ExpertBank(num_experts, **dnn_arguments(message), l2=l2, name=name)


# The messages with gates, which may have hidden layers.
Gated = (
    model_pb2.OMoE
    | model_pb2.MMoE
    | model_pb2.MLMMoE
    | model_pb2.CGC
    | model_pb2.ExtractionNetwork
    | model_pb2.DBMTL
)


def mixture(
    config: Gated,
    experts: Sequence[keras.KerasTensor],
    selector: keras.KerasTensor,
    l2: float,
    prefix: str = "",
) -> keras.KerasTensor:
    """`Σ_e softmax(W·selector + b)_e · f_e`, of layers `<prefix>gate` and `<prefix>mixture`.

    With `gate_dnn` the gate reads `<prefix>gate_dnn` of the selector.

    Args:
        config: The message that describes the gate.
        experts: The experts' outputs, each `(batch, units)`.
        selector: What the gate reads, `(batch, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels of `gate_dnn`.
        prefix: Begins the names of the layers.

    Returns:
        The mixture `(batch, units)`.
    """
    if config.HasField("gate_dnn"):
        selector = dnn(config.gate_dnn, l2, name=f"{prefix}gate_dnn")(selector)
    gate = layers.Gate(len(experts), name=f"{prefix}gate")(selector)
    return layers.MixExperts(name=f"{prefix}mixture")([*experts, gate])


def split(experts: list[keras.KerasTensor], count: int) -> list[list[keras.KerasTensor]]:
    """The experts of a bank by task, `count` each."""
    return [experts[start : start + count] for start in range(0, len(experts), count)]
