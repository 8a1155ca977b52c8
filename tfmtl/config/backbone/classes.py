"""The layers that a block may be, by EasyRec's class names, and what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from tfmtl.protos import backbone_pb2

# Those with a message of their own: its field in `KerasLayer`.
MESSAGES: Mapping[str, str] = {
    "MLP": "mlp",
    "MMoE": "mmoe",
    "AITMTower": "aitm",
    "SENet": "senet",
    "MaskBlock": "mask_block",
    "MaskNet": "masknet",
    "FM": "fm",
    "BiLinear": "bilinear",
    "FiBiNet": "fibinet",
    "Highway": "highway",
    "Gate": "gate",
    "DIN": "din",
    "MultiHeadAttention": "multi_head_attention",
}
# Those without: the arguments that `st_params` may give, and their types.
ARGUMENTS: Mapping[str, Mapping[str, type]] = {
    "Cross": {"projection_dim": int, "diag_scale": float, "use_bias": bool},
    "DotInteraction": {"self_interaction": bool, "skip_gather": bool},
    "Dense": {"units": int, "activation": str, "use_bias": bool, "kernel_initializer": str},
    "Dropout": {"rate": float},
    "Activation": {"activation": str},
    "BatchNormalization": {"momentum": float, "epsilon": float, "center": bool, "scale": bool},
    "LayerNormalization": {"epsilon": float, "center": bool, "scale": bool},
    "Add": {},
    "Subtract": {},
    "Multiply": {},
    "Average": {},
    "Maximum": {},
    "Minimum": {},
    "Concatenate": {"axis": int},
    "Flatten": {},
}
CLASSES = (*MESSAGES, *ARGUMENTS)
# Those of EasyRec that are not built, which are refused by name.
REFUSED = (
    "Attention",
    "AutoDisEmbedding",
    "AuxiliaryLoss",
    "BST",
    "CIN",
    "EditDistance",
    "EmbeddingLayer",
    "MappedDotProduct",
    "NaryDisEmbedding",
    "OverlapFeature",
    "PPNet",
    "PeriodicEmbedding",
    "SeqAugment",
    "SeqAugmentOps",
    "TextCNN",
    "TextEncoder",
    "TextNormalize",
    "TransformerBlock",
    "TransformerEncoder",
)
# Keras's initializers that need no arguments.
INITIALIZERS = (
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
)


def message_of(layer: backbone_pb2.KerasLayer) -> Any:
    """The parameters of a layer that has a message, even if `st_params` gives them.

    Raises:
        ValueError: If those are not what the message has, with the reason.
    """
    message = getattr(layer, MESSAGES[layer.class_name])
    if not layer.HasField("st_params"):
        return message
    parsed: Message = type(message)()
    try:
        json_format.ParseDict(json_format.MessageToDict(layer.st_params), parsed)
    except json_format.ParseError as error:
        raise ValueError(str(error)) from error
    return parsed


def arguments_of(layer: backbone_pb2.KerasLayer) -> dict[str, Any]:
    """The arguments that a layer without a message is given, as Python has them.

    Raises:
        ValueError: For one that it does not have, or of another type, with the rule.
    """
    kinds = ARGUMENTS[layer.class_name]
    given = json_format.MessageToDict(layer.st_params)
    return {name: _argument(name, value, kinds) for name, value in given.items()}


def _argument(name: str, value: Any, kinds: Mapping[str, type]) -> Any:
    if name not in kinds:
        known = ", ".join(kinds) or "none"
        raise ValueError(f"{name} is not an argument; there are {known}")
    kind = kinds[name]
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is int or not isinstance(value, kind):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise ValueError(f"{name} is {words[kind]}")
    return value
