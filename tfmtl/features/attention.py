"""Attention of target features over behaviour sequences, as a part of a feature group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tf_keras as keras

from tfmtl import layers
from tfmtl.errors import ConfigError
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.protos.feature_pb2 import SeqAttGroupConfig
from tfmtl.protos.layer_pb2 import DNN

_DEFAULT_UNITS = (128, 64, 32, 1)


def attend(
    config: SeqAttGroupConfig, vectors: Mapping[str, keras.KerasTensor], l2: float, name: str
) -> keras.KerasTensor:
    """What a row's sequences are to its target.

    All `key` features side by side are the target, all `hist_seq` step by step the sequence.

    Args:
        config: Which features those are, and how they are compared.
        vectors: Features by name: `(batch, width)`, of sequences `(batch, None, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels.
        name: Begins the names of the layers.

    Returns:
        The steps summed by their attention, then those of `aux_hist_seq`, then the target if it is
        needed: `(batch, width)`.
    """
    maps = config.seq_att_map
    target = _joined([vectors[key] for each in maps for key in each.key], f"{name}/target")
    history = [vectors[each] for one in maps for each in one.hist_seq]
    steps = layers.JoinSteps(name=f"{name}/steps")(history) if len(history) > 1 else history[0]
    others = [vectors[each] for one in maps for each in one.aux_hist_seq]
    target, steps = _transformed(config, target, steps, l2, name)
    attention = layers.TargetAttention(_scorer(config), l2, name=f"{name}/attention")
    outputs = [attention([target, steps, *others])]
    if config.need_key_feature:
        outputs.append(target)
    return _joined(outputs, f"{name}/attention_and_target")


def _joined(tensors: Sequence[keras.KerasTensor], name: str) -> keras.KerasTensor:
    return keras.layers.Concatenate(name=name)(tensors) if len(tensors) > 1 else tensors[0]


def _transformed(
    config: SeqAttGroupConfig,
    target: keras.KerasTensor,
    steps: keras.KerasTensor,
    l2: float,
    name: str,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The target, and perhaps the steps, where their widths differ: of the steps' width."""
    width = steps.shape[-1]
    if target.shape[-1] == width:
        return target, steps
    if not config.allow_key_transform:
        raise ConfigError(
            [
                f"`sequence_features` should compare a target of the width of the steps, {width}, "
                f"or have `allow_key_transform: true`. Received: {target.shape[-1]}."
            ]
        )
    if target.shape[-1] < width and not config.transform_dnn:
        return layers.PadUnits(width, name=f"{name}/target_padded")(target), steps
    dense = keras.layers.Dense(
        width, kernel_regularizer=l2_regularizer(l2), name=f"{name}/target_transformed"
    )
    if not config.transform_dnn:
        return dense(target), steps
    return dense(target), layers.StepDense(width, True, name=f"{name}/steps_transformed")(steps)


def _scorer(config: SeqAttGroupConfig) -> dict[str, Any]:
    """The arguments of the layers before the score, which is the last unit."""
    message = config.seq_dnn if config.HasField("seq_dnn") else DNN(hidden_units=_DEFAULT_UNITS)
    units, rates = list(message.hidden_units)[:-1], list(message.dropout_ratio)
    return {
        "hidden_units": units,
        "activation": message.activation,
        "use_bn": message.use_bn,
        "dropout_ratio": rates if len(rates) <= 1 else rates[: len(units)],
    }


def sequences(configs: Iterable[SeqAttGroupConfig]) -> list[list[str]]:
    """The features of each attention whose sequences must be equally long."""
    return [
        [name for each in config.seq_att_map for name in (*each.hist_seq, *each.aux_hist_seq)]
        for config in configs
    ]
