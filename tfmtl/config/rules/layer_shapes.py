"""Rules of what the layers of blocks are fed, and the shapes that they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.backbone.classes import MESSAGES, arguments_of, message_of
from tfmtl.config.rules.shapes import Fed, Value, is_shape, is_vector
from tfmtl.protos import backbone_pb2, layer_pb2

# Activations that have weights, one for each unit of a vector.
_BY_UNIT = ("dice", "prelu")
_WITHOUT_WEIGHTS = (
    "Add",
    "Average",
    "Concatenate",
    "DotInteraction",
    "Dropout",
    "Flatten",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
)


def layer_shape(layer: backbone_pb2.KerasLayer, fed: Fed) -> Value:
    """What a layer gives; None, which is a problem, if it cannot read what it is fed."""
    name = layer.class_name
    if name in MESSAGES:
        return _MESSAGES[name](fed, message_of(layer))
    return _PLAIN[name](fed, arguments_of(layer))


def has_weights(layer: backbone_pb2.KerasLayer) -> bool:
    """Whether a layer is made for the width of what it reads."""
    if layer.class_name == "Activation":
        return arguments_of(layer).get("activation") in _BY_UNIT
    return layer.class_name not in _WITHOUT_WEIGHTS


def _mlp(fed: Fed, mlp: layer_pb2.MLP) -> Value:
    return None if fed.as_vector() is None else (mlp.hidden_units[-1],)


def _optional_mlp(fed: Fed, message: Any, field: str) -> Value:
    if not message.HasField(field):
        return fed.value
    return _mlp(fed.at(field), getattr(message, field))


def _mmoe(fed: Fed, mmoe: layer_pb2.MMoELayer) -> Value:
    if not mmoe.num_expert:
        return fed.value
    if mmoe.HasField("expert_mlp"):
        units = mmoe.expert_mlp.hidden_units[-1]
        return None if fed.as_vector() is None else [(units,)] * mmoe.num_task
    widths = fed.as_vectors(least=2)
    if widths is None:
        return None
    if len(widths) != mmoe.num_expert + 1 or len(set(widths[:-1])) > 1:
        fed.should(
            f"read {mmoe.num_expert} experts of one width and what feeds the gates, because there "
            "is no `expert_mlp`"
        )
        return None
    return [(widths[0],)] * mmoe.num_task


def _aitm(fed: Fed, aitm: layer_pb2.AITMTower) -> Value:
    if not isinstance(fed.value, list):
        return fed.value
    widths = fed.as_vectors()
    return None if widths is None else (aitm.project_dim or widths[0],)


def _senet(fed: Fed, senet: layer_pb2.SENet) -> Value:
    widths, groups = fed.as_vectors(), senet.num_squeeze_group
    if widths is None:
        return None
    if any(width % groups for width in widths):
        fed.should(f"read features of widths that `num_squeeze_group`, {groups}, divides")
        return None
    return (sum(widths),)


def _mask_block(fed: Fed, block: layer_pb2.MaskBlock) -> Value:
    if isinstance(fed.value, list):
        if len(fed.value) != 2 or not all(map(is_vector, fed.value)):
            fed.should("read a vector, or two")
            return None
        fed = fed._replace(value=fed.value[0])
    width = fed.as_vector()
    return None if width is None else (block.output_size or width,)


def _masknet(fed: Fed, masknet: layer_pb2.MaskNet) -> Value:
    width = fed.as_vector()
    if width is None:
        return None
    if masknet.use_parallel:
        outputs = sum(block.output_size or width for block in masknet.mask_blocks)
    else:
        outputs = width
        for block in masknet.mask_blocks:
            outputs = block.output_size or outputs
    return _optional_mlp(fed._replace(value=(outputs,)), masknet, "mlp")


def _fm(fed: Fed, fm: layer_pb2.FM) -> Value:
    if is_shape(fed.value) and len(fed.value) == 2:
        return (fed.value[1] if fm.use_variant else 1,)
    widths = fed.as_alike()
    return None if widths is None else (widths[0] if fm.use_variant else 1,)


def _bilinear(fed: Fed, bilinear: layer_pb2.Bilinear) -> Value:
    is_by_pair = bilinear.type == "interaction"
    widths = fed.as_vectors(least=2) if is_by_pair else fed.as_alike()
    return None if widths is None else (bilinear.num_output_units,)


def _fibinet(fed: Fed, fibinet: layer_pb2.FiBiNet) -> Value:
    parts = [_senet(fed.at("senet"), fibinet.senet)]
    if fibinet.HasField("bilinear"):
        parts.append(_bilinear(fed.at("bilinear"), fibinet.bilinear))
    if None in parts:
        return None
    joined = (sum(part[0] for part in parts),)
    return _optional_mlp(fed._replace(value=joined), fibinet, "mlp")


def _highway(fed: Fed, highway: layer_pb2.HighWayTower) -> Value:
    width = fed.as_vector()
    return None if width is None else (highway.emb_size or width,)


def _gate(fed: Fed, gate: layer_pb2.WeightedGate) -> Value:
    widths, index = fed.as_vectors(least=2), gate.weight_index
    if widths is None:
        return None
    others = [width for place, width in enumerate(widths) if place != index]
    if index >= len(widths) or widths[index] < len(others) or len(set(others)) != 1:
        fed.should(
            "read vectors of one width, and at place `weight_index` a weight for each of them"
        )
        return None
    return _optional_mlp(fed._replace(value=(others[0],)), gate, "mlp")


def _din(fed: Fed, din: layer_pb2.DINEncoder) -> Value:
    if not _are_steps_and_target(fed.value):
        fed.should(
            "read a sequence and a target, as an input_layer with `output_seq_and_normal_feature` "
            "gives them"
        )
        return None
    (_, steps), (target,) = fed.value
    if target > steps:
        fed.should("read a target that is no wider than the steps of the sequence")
        return None
    return (steps + (target if din.need_target_feature else 0),)


def _are_steps_and_target(value: Value) -> bool:
    if not (isinstance(value, list) and len(value) == 2):
        return False
    steps, target = value
    return isinstance(steps, tuple) and steps[0] is None and is_vector(target)


def _heads(fed: Fed, attention: layer_pb2.MultiHeadAttention) -> Value:
    inputs = fed.value if isinstance(fed.value, list) else [fed.value]
    are_stacked = all(is_shape(each) and len(each) == 2 for each in inputs)
    if not are_stacked or len(inputs) > 3:
        fed.should(
            "read the features' vectors stacked, such as an input_layer with "
            "`only_output_3d_tensor` gives, or a list of query, value and key"
        )
        return None
    if len({count for count, _ in inputs[1:]}) > 1:
        fed.should("read as many keys as values")
        return None
    count, width = inputs[0]
    return (count, attention.output_shape or width)


_MESSAGES: Mapping[str, Callable[[Fed, Any], Value]] = {
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


def _dense(fed: Fed, given: Mapping[str, Any]) -> Value:
    shape = _same(fed, given)
    return None if shape is None else (*shape[:-1], given["units"])


def _same(fed: Fed, given: Mapping[str, Any]) -> Value:
    if given.get("activation") in _BY_UNIT:
        return _normalized(fed, given)
    return fed.as_dense()


def _normalized(fed: Fed, given: Mapping[str, Any]) -> Value:
    del given
    return None if fed.as_vector() is None else fed.value


def _cross(fed: Fed, given: Mapping[str, Any]) -> Value:
    del given
    if is_vector(fed.value):
        return fed.value
    widths = fed.as_alike()
    if widths is not None and len(widths) != 2:
        fed.should("read a vector, or x_0 and x_l")
        return None
    return None if widths is None else (widths[0],)


def _dots(fed: Fed, given: Mapping[str, Any]) -> Value:
    widths = fed.as_alike()
    if widths is None:
        return None
    count = len(widths)
    if given.get("skip_gather"):
        return (count * count,)
    return (math.comb(count + (1 if given.get("self_interaction") else 0), 2),)


def _merge(fed: Fed, given: Mapping[str, Any]) -> Value:
    del given
    value = fed.value
    if isinstance(value, list) and len(value) > 1 and all(map(is_shape, value)):
        if len(set(value)) == 1:
            return value[0]
    fed.should("read a list of two or more of one width")
    return None


def _subtract(fed: Fed, given: Mapping[str, Any]) -> Value:
    if isinstance(fed.value, list) and len(fed.value) > 2:
        fed.should("read a list of two")
        return None
    return _merge(fed, given)


def _concatenate(fed: Fed, given: Mapping[str, Any]) -> Value:
    value = fed.value
    if not (isinstance(value, list) and value and all(map(is_shape, value))):
        fed.should("read a list")
        return None
    return fed.as_joined(given.get("axis", -1))


def _flatten(fed: Fed, given: Mapping[str, Any]) -> Value:
    shape = _same(fed, given)
    return None if shape is None else (math.prod(shape),)


_PLAIN: Mapping[str, Callable[[Fed, Mapping[str, Any]], Value]] = {
    "Cross": _cross,
    "DotInteraction": _dots,
    "Dense": _dense,
    "Dropout": _same,
    "Activation": _same,
    "BatchNormalization": _normalized,
    "LayerNormalization": _same,
    "Add": _merge,
    "Subtract": _subtract,
    "Multiply": _merge,
    "Average": _merge,
    "Maximum": _merge,
    "Minimum": _merge,
    "Concatenate": _concatenate,
    "Flatten": _flatten,
}
