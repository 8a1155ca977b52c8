"""The layers of blocks, from their messages: each made once, and called as often as it is read.

A layer is a function of what its block reads, a tensor or a list of such, to what that becomes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_recommenders as tfrs
import tf_keras as keras

from tfmtl import layers
from tfmtl.config.backbone.classes import MESSAGES, arguments_of, message_of
from tfmtl.config.layer_arguments import mlp_arguments
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.protos import backbone_pb2, layer_pb2

Layer = Callable[[Any], Any]


def block_layer(layer: backbone_pb2.KerasLayer, l2: float, name: str) -> Layer:
    """The layer of a block.

    Args:
        layer: Its message.
        l2: Penalty `l2·Σw²/2` on the kernels.
        name: The name of its Keras layer, or the beginning of the names of several.
    """
    if layer.class_name in MESSAGES:
        return _MESSAGES[layer.class_name](message_of(layer), l2, name)
    return _PLAIN.get(layer.class_name, _keras)(layer.class_name, arguments_of(layer), l2, name)


def _mlp(message: layer_pb2.MLP, l2: float, name: str) -> Layer:
    return layers.MLP(**mlp_arguments(message, l2), name=name)


def _optional_mlp(message: Any, field: str, l2: float, name: str) -> Layer:
    """A stack that a message may have; without it what it reads passes."""
    if not message.HasField(field):
        return lambda value: value
    return _mlp(getattr(message, field), l2, f"{name}/{field}")


def _mmoe(message: layer_pb2.MMoELayer, l2: float, name: str) -> Layer:
    """h_k = Σ_e softmax(W_k·x + b_k)_e · f_e(x); or the experts are what it reads, x the last."""
    count = message.num_expert
    experts = [
        _optional_mlp(message, "expert_mlp", l2, f"{name}/expert_{index}") for index in range(count)
    ]
    tasks = range(message.num_task)
    gates = [layers.Gate(count, name=f"{name}/gate_{task}") for task in tasks]
    mixtures = [layers.MixExperts(name=f"{name}/mixture_{task}") for task in tasks]

    def call(value: Any) -> Any:
        if not count:
            return value
        x, outputs = value, [expert(value) for expert in experts]
        if not message.HasField("expert_mlp"):
            *outputs, x = value
        return [mix([*outputs, gate(x)]) for gate, mix in zip(gates, mixtures, strict=True)]

    return call


def _aitm(message: layer_pb2.AITMTower, l2: float, name: str) -> Layer:
    """Attention over [x_0, transfer(x_1), …], whose x_i but the first are not taught."""
    stop = layers.StopGradient(name=f"{name}/before") if message.stop_gradient else None
    transfer = _optional_mlp(message, "transfer_mlp", l2, name)
    attention = layers.OwnAttention(message.project_dim or None, l2, name=f"{name}/attention")

    def call(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        own, *others = value
        before = [each if stop is None else stop(each) for each in others]
        return attention([own, *map(transfer, before)])

    return call


def _senet(message: layer_pb2.SENet, l2: float, name: str) -> Layer:
    return layers.SENet(
        message.reduction_ratio,
        message.num_squeeze_group,
        message.use_skip_connection,
        message.use_output_layer_norm,
        l2,
        name=name,
    )


def _mask_block(message: layer_pb2.MaskBlock, l2: float, name: str) -> Layer:
    return layers.MaskBlock(
        aggregation_size=message.aggregation_size or None,
        reduction_factor=message.reduction_factor or None,
        output_size=message.output_size or None,
        projection_dim=message.projection_dim or None,
        input_layer_norm=message.input_layer_norm,
        l2=l2,
        name=name,
    )


def _masknet(message: layer_pb2.MaskNet, l2: float, name: str) -> Layer:
    """Masks of x over norm(x), side by side; or each over what the one before gives."""
    norm = keras.layers.LayerNormalization(name=f"{name}/norm")
    blocks = [
        _mask_block(block, l2, f"{name}/mask_{index}")
        for index, block in enumerate(message.mask_blocks)
    ]
    joined = keras.layers.Concatenate(name=f"{name}/masks")
    mlp = _optional_mlp(message, "mlp", l2, name)

    def call(x: Any) -> Any:
        net = norm(x) if message.input_layer_norm else x
        if message.use_parallel:
            return mlp(joined([block([net, x]) for block in blocks]))
        for block in blocks:
            net = block([net, x])
        return mlp(net)

    return call


def _fm(message: layer_pb2.FM, l2: float, name: str) -> Layer:
    del l2
    made: dict[int, layers.FactorizationMachine] = {}
    joined = keras.layers.Concatenate(name=f"{name}/features")
    flat = keras.layers.Flatten(name=f"{name}/flat")

    def call(value: Any) -> Any:
        count = len(value) if isinstance(value, list) else value.shape[1]
        if count not in made:
            made[count] = layers.FactorizationMachine(count, message.use_variant, name=name)
        return made[count](joined(value) if isinstance(value, list) else flat(value))

    return call


def _bilinear(message: layer_pb2.Bilinear, l2: float, name: str) -> Layer:
    units = message.num_output_units
    return layers.BiLinear(units, message.type, message.use_plus, l2, name=name)


def _fibinet(message: layer_pb2.FiBiNet, l2: float, name: str) -> Layer:
    parts = [_senet(message.senet, l2, f"{name}/senet")]
    if message.HasField("bilinear"):
        parts.append(_bilinear(message.bilinear, l2, f"{name}/bilinear"))
    joined = keras.layers.Concatenate(name=f"{name}/features")
    mlp = _optional_mlp(message, "mlp", l2, name)

    def call(value: Any) -> Any:
        outputs = [part(value) for part in parts]
        return mlp(joined(outputs) if len(outputs) > 1 else outputs[0])

    return call


def _highway(message: layer_pb2.HighWayTower, l2: float, name: str) -> Layer:
    return layers.Highway(
        message.emb_size or None,
        message.num_layers,
        message.activation,
        message.init_gate_bias,
        message.dropout_rate,
        l2,
        name=name,
    )


def _gate(message: layer_pb2.WeightedGate, l2: float, name: str) -> Layer:
    total = layers.MixExperts(name=name)
    mlp = _optional_mlp(message, "mlp", l2, name)

    def call(value: Any) -> Any:
        vectors = [each for place, each in enumerate(value) if place != message.weight_index]
        return mlp(total([*vectors, value[message.weight_index]]))

    return call


def _din(message: layer_pb2.DINEncoder, l2: float, name: str) -> Layer:
    scorer = mlp_arguments(message.attention_dnn, l2)
    scorer |= {"use_final_bn": False, "use_final_bias": True, "final_activation": "linear"}
    attention = layers.StepAttention(scorer, message.attention_normalizer, name=name)
    joined = keras.layers.Concatenate(name=f"{name}/attention_and_target")

    def call(value: Any) -> Any:
        output = attention(value)
        return joined([output, value[1]]) if message.need_target_feature else output

    return call


def _heads(message: layer_pb2.MultiHeadAttention, l2: float, name: str) -> Layer:
    attention = keras.layers.MultiHeadAttention(
        message.num_heads,
        message.key_dim,
        message.value_dim or None,
        message.dropout,
        message.use_bias,
        output_shape=message.output_shape or None,
        kernel_initializer=message.kernel_initializer,
        kernel_regularizer=l2_regularizer(l2),
        name=name,
    )

    def call(value: Any) -> Any:
        inputs = value if isinstance(value, list) else [value]
        return attention(*(inputs if len(inputs) > 1 else inputs * 2))

    return call


_MESSAGES: Mapping[str, Callable[[Any, float, str], Layer]] = {
    "MLP": _mlp,
    "MMoE": _mmoe,
    "AITMTower": _aitm,
    "SENet": _senet,
    "MaskBlock": _mask_block,
    "MaskNet": _masknet,
    "FM": _fm,
    "BiLinear": _bilinear,
    "FiBiNet": _fibinet,
    "Highway": _highway,
    "Gate": _gate,
    "DIN": _din,
    "MultiHeadAttention": _heads,
}


def _keras(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    """A layer of Keras's own that has no kernel."""
    del l2
    return getattr(keras.layers, class_name)(**arguments, name=name)


def _dense(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    del class_name
    given = dict(arguments)
    function = layers.activation(given.pop("activation", "linear"))
    dense = keras.layers.Dense(**given, kernel_regularizer=l2_regularizer(l2), name=name)
    activation = keras.layers.Activation(function, name=f"{name}/activation")
    return lambda value: activation(dense(value))


def _activation(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    del class_name, l2
    return keras.layers.Activation(layers.activation(arguments["activation"]), name=name)


def _normalization(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    del class_name, l2
    return layers.BatchNormalization(**arguments, name=name)


def _cross(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    del class_name
    cross = tfrs.layers.feature_interaction.Cross(
        **arguments, kernel_regularizer=l2_regularizer(l2), name=name
    )
    return lambda value: cross(*(value if isinstance(value, list) else [value]))


def _dots(class_name: str, arguments: Mapping[str, Any], l2: float, name: str) -> Layer:
    del class_name, l2
    return tfrs.layers.feature_interaction.DotInteraction(**arguments, name=name)


_PLAIN: Mapping[str, Callable[[str, Mapping[str, Any], float, str], Layer]] = {
    "Dense": _dense,
    "Activation": _activation,
    "BatchNormalization": _normalization,
    "Cross": _cross,
    "DotInteraction": _dots,
}
