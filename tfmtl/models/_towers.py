"""Parts that architectures share: layers from a message, and a task's tower with its head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.views import Tower
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.models._groups import Groups
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
    """The layers of a `DNN` message."""
    return layers.DNN(**dnn_arguments(message), l2=l2, name=name)


def group_bottoms(
    config: model_pb2.ESMM | model_pb2.Division, groups: Groups, owner: str = ""
) -> keras.KerasTensor:
    """The group `all`, or those that a message lists side by side, each after layers of its own.

    Args:
        config: The message with `groups`.
        groups: The feature groups.
        owner: A task that has tables and layers of its own; "" means shared ones.
    """
    its_groups, prefix = (groups.own(owner), f"{owner}_") if owner else (groups, "")
    if not config.groups:
        return its_groups["all"]
    outputs = [
        dnn(group.dnn, config.l2_regularization, name=f"{prefix}{group.input}_dnn")(
            its_groups[group.input]
        )
        for group in config.groups
    ]
    if len(outputs) == 1:
        return outputs[0]
    return keras.layers.Concatenate(name=f"{prefix}groups")(outputs)


def task_logits(tower: Tower, h: keras.KerasTensor, l2: float) -> keras.KerasTensor:
    """`head_k(tower_k(h_k))`, of layers `<task>_tower` and `<task>_logits`.

    Args:
        tower: The task's tower; without `dnn` the head reads `h` itself.
        h: What the architecture has for this task, `(batch, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels.

    Returns:
        Logits `(batch, units)`.
    """
    return head_logits(tower, tower_output(tower, h, l2), l2)


def tower_output(tower: Tower, h: keras.KerasTensor, l2: float) -> keras.KerasTensor:
    """`tower_k(h_k)`, of the layer `<task>_tower`; `h` itself without `dnn`."""
    if not tower.HasField("dnn"):
        return h
    return dnn(tower.dnn, l2, name=f"{tower.tower_name}_tower")(h)


def head_logits(tower: Tower, t: keras.KerasTensor, l2: float) -> keras.KerasTensor:
    """`head_k(t_k)`, of the layer `<task>_logits`: logits `(batch, units)`."""
    head = keras.layers.Dense(
        build_head(tower).units,
        kernel_regularizer=l2_regularizer(l2),
        name=f"{tower.tower_name}_logits",
    )
    return head(t)


def parallel_logits(
    towers: Iterable[Tower], h: keras.KerasTensor, l2: float
) -> dict[str, keras.KerasTensor]:
    """Logits by task, where `h` `(tasks, batch, width)` has a network's output for each."""
    bottoms = layers.Unstack(name="bottoms_by_task")(h)
    return {
        tower.tower_name: task_logits(tower, bottom, l2)
        for tower, bottom in zip(towers, bottoms, strict=True)
    }
