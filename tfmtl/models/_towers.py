"""Parts that architectures share: layers from a message, and a task's tower with its head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.views import Tower
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.models._groups import Groups
from tfmtl.models._interactions import interact
from tfmtl.protos import layer_pb2, model_pb2
from tfmtl.tasks import build_head


def dnn_arguments(message: layer_pb2.DNN) -> dict[str, Any]:
    """A `DNN` message as the arguments of `layers.DNN` and `layers.ExpertBank`."""
    return {
        "hidden_units": list(message.hidden_units),
        "activation": message.activation,
        "use_bn": message.use_bn,
        "dropout_ratio": list(message.dropout_ratio),
    }


def layer_arguments(message: layer_pb2.DNN) -> list[dict[str, Any]]:
    """A `DNN` message as the arguments of a stack for each of its layers."""
    arguments = dnn_arguments(message)
    units, rates = arguments["hidden_units"], arguments["dropout_ratio"]
    # One for each layer; otherwise none, or one for all, which is so for each alone, too.
    by_layer = [[rate] for rate in rates] if len(rates) == len(units) else [rates] * len(units)
    return [
        {**arguments, "hidden_units": [width], "dropout_ratio": ratio}
        for width, ratio in zip(units, by_layer, strict=True)
    ]


def dnn(message: layer_pb2.DNN, l2: float, name: str) -> layers.DNN:
    """The layers of a `DNN` message, without its interactions."""
    return layers.DNN(**dnn_arguments(message), l2=l2, name=name)


def stack(
    message: layer_pb2.DNN, v: keras.KerasTensor, l2: float, groups: Groups, name: str
) -> keras.KerasTensor:
    """The layers of a `DNN` message on `v`, with its interactions: a tower or a bottom.

    Args:
        message: The message.
        v: What it reads, `(batch, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels.
        groups: The feature groups, for the interactions that read one.
        name: The name of the layers, and the beginning of those of interactions.

    Returns:
        `(batch, width)`, as `_interactions` tells.
    """
    layer = dnn(message, l2, name)
    return interact(message, layer, v, l2, groups) if message.interactions else layer(v)


def group_bottoms(
    config: model_pb2.ESMM | model_pb2.Division, groups: Groups, prefix: str = ""
) -> keras.KerasTensor:
    """The group `all`, or those that a message lists side by side, each after layers of its own.

    Args:
        config: The message with `groups`.
        groups: The feature groups, over whichever tables.
        prefix: Begins the names of the layers.
    """
    if not config.groups:
        return groups["all"]
    outputs = [
        stack(
            group.dnn,
            groups[group.input],
            config.l2_regularization,
            groups,
            name=f"{prefix}{group.input}_dnn",
        )
        for group in config.groups
    ]
    if len(outputs) == 1:
        return outputs[0]
    return keras.layers.Concatenate(name=f"{prefix}groups")(outputs)


def task_logits(tower: Tower, h: keras.KerasTensor, l2: float, groups: Groups) -> keras.KerasTensor:
    """`head_k(tower_k(h_k))`, of layers `<task>_tower` and `<task>_logits`.

    Args:
        tower: The task's tower; without `dnn` the head reads `h` itself.
        h: What the architecture has for this task, `(batch, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels.
        groups: The feature groups, for the tower's interactions.

    Returns:
        Logits `(batch, units)`.
    """
    return head_logits(tower, tower_output(tower, h, l2, groups), l2)


def tower_output(
    tower: Tower, h: keras.KerasTensor, l2: float, groups: Groups
) -> keras.KerasTensor:
    """`tower_k(h_k)`, of the layer `<task>_tower`; `h` itself without `dnn`."""
    if not tower.HasField("dnn"):
        return h
    return stack(tower.dnn, h, l2, groups, name=f"{tower.tower_name}_tower")


def head_logits(tower: Tower, t: keras.KerasTensor, l2: float) -> keras.KerasTensor:
    """`head_k(t_k)`, of the layer `<task>_logits`: logits `(batch, units)`.

    With `negative_sampling_rate`, in inference, those over all rows (`<task>_correction`).
    """
    head = keras.layers.Dense(
        build_head(tower).units,
        kernel_regularizer=l2_regularizer(l2),
        name=f"{tower.tower_name}_logits",
    )
    rate, name = tower.negative_sampling_rate, f"{tower.tower_name}_correction"
    if rate == 1:
        return head(t)
    return layers.NegativeSamplingCorrection(rate, name=name)(head(t))


def parallel_logits(
    towers: Iterable[Tower], outputs: Iterable[keras.KerasTensor], l2: float, groups: Groups
) -> dict[str, keras.KerasTensor]:
    """Logits by task, where each has the output `(batch, width)` of a network of its own."""
    return {
        tower.tower_name: task_logits(tower, h, l2, groups)
        for tower, h in zip(towers, outputs, strict=True)
    }
