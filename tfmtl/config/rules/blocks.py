"""Rules of the layers of blocks: known ones, with parameters that they can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfmtl.config.backbone.classes import (
    CLASSES,
    INITIALIZERS,
    MESSAGES,
    REFUSED,
    arguments_of,
    message_of,
)
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, check_positive, check_share
from tfmtl.config.rules.layers import check_activation
from tfmtl.config.wording import Word
from tfmtl.protos import backbone_pb2, layer_pb2


def check_layer(report: Report, path: str, layer: backbone_pb2.KerasLayer, of: str) -> None:
    """A layer is one that there is, and its parameters are its own."""
    name, given = layer.class_name, layer.WhichOneof("params")
    if name not in CLASSES:
        at = f"{path}.class_name"
        if name in REFUSED:
            rule = "be a layer of multi-task models"
            report.should(at, rule, name, of=of)
        else:
            report.should_name(at, "a layer", name, CLASSES, of=of)
        return
    wanted = MESSAGES.get(name, "st_params")
    if given not in (None, "st_params", wanted):
        rule = f"be {wanted}, because the layer is {name}, or be left out"
        report.should(path, rule, Word(given), of=of)
        return
    try:
        parameters = message_of(layer) if name in MESSAGES else arguments_of(layer)
    except ValueError as error:
        rule = f"have what {name} takes: {error}"
        report.should(f"{path}.st_params", rule, sorted(layer.st_params.fields), of=of)
        return
    at = f"{path}.{given or wanted}"
    if name in MESSAGES:
        _MESSAGES[name](report, at, parameters, of)
    else:
        _check_arguments(report, at, parameters, name, of)


def check_mlp(
    report: Report, path: str, mlp: layer_pb2.MLP, of: str = "", needed: bool = False
) -> None:
    """A stack has layers of some width, known activations and shares to drop."""
    units = list(mlp.hidden_units)
    if needed and not units:
        report.should(f"{path}.hidden_units", "have a layer", of=of)
    elif 0 in units:
        report.should(f"{path}.hidden_units", "be at least 1 each", units, of=of)
    for field in ("activation", "final_activation"):
        check_activation(report, f"{path}.{field}", getattr(mlp, field), of)
    _check_initializer(report, f"{path}.initializer", mlp.initializer, of)
    for index, share in enumerate(mlp.dropout_ratio):
        check_share(report, f"{path}.dropout_ratio[{index}]", share, of=of)
    if len(mlp.dropout_ratio) > len(units):
        rule = f"have one share for each of {len(units)} layers at most"
        report.should(f"{path}.dropout_ratio", rule, list(mlp.dropout_ratio), of=of)


def _check_initializer(report: Report, path: str, name: str, of: str) -> None:
    if name not in INITIALIZERS:
        report.should_name(path, "an initializer of Keras", name, INITIALIZERS, of=of)


def _check_stack(report: Report, path: str, mlp: layer_pb2.MLP, of: str) -> None:
    check_mlp(report, path, mlp, of, needed=True)


def _check_optional(report: Report, path: str, message: Any, field: str, of: str) -> None:
    if message.HasField(field):
        _check_stack(report, f"{path}.{field}", getattr(message, field), of)


def _check_mmoe(report: Report, path: str, mmoe: layer_pb2.MMoELayer, of: str) -> None:
    check_at_least(report, f"{path}.num_task", mmoe.num_task, 1, of=of)
    _check_optional(report, path, mmoe, "expert_mlp", of)


def _check_aitm(report: Report, path: str, aitm: layer_pb2.AITMTower, of: str) -> None:
    _check_optional(report, path, aitm, "transfer_mlp", of)


def _check_senet(report: Report, path: str, senet: layer_pb2.SENet, of: str) -> None:
    for field in ("reduction_ratio", "num_squeeze_group"):
        check_at_least(report, f"{path}.{field}", getattr(senet, field), 1, of=of)


def _check_mask_block(report: Report, path: str, block: layer_pb2.MaskBlock, of: str) -> None:
    if block.HasField("reduction_factor"):
        check_positive(report, f"{path}.reduction_factor", block.reduction_factor, of=of)
    elif not block.aggregation_size:
        report.should(f"{path}.aggregation_size", "be given, or `reduction_factor`", of=of)
    for field in ("output_size", "projection_dim"):
        if block.HasField(field):
            check_at_least(report, f"{path}.{field}", getattr(block, field), 1, of=of)


def _check_masknet(report: Report, path: str, masknet: layer_pb2.MaskNet, of: str) -> None:
    if not masknet.mask_blocks:
        report.should(f"{path}.mask_blocks", "describe the masks", of=of)
    for index, block in enumerate(masknet.mask_blocks):
        _check_mask_block(report, f"{path}.mask_blocks[{index}]", block, of)
    _check_optional(report, path, masknet, "mlp", of)


def _check_bilinear(report: Report, path: str, bilinear: layer_pb2.Bilinear, of: str) -> None:
    kinds = ("all", "each", "interaction")
    if bilinear.type not in kinds:
        report.should_name(f"{path}.type", "a kind of matrices", bilinear.type, kinds, of=of)
    check_at_least(report, f"{path}.num_output_units", bilinear.num_output_units, 1, of=of)


def _check_fibinet(report: Report, path: str, fibinet: layer_pb2.FiBiNet, of: str) -> None:
    _check_senet(report, f"{path}.senet", fibinet.senet, of)
    if fibinet.HasField("bilinear"):
        _check_bilinear(report, f"{path}.bilinear", fibinet.bilinear, of)
    _check_optional(report, path, fibinet, "mlp", of)


def _check_highway(report: Report, path: str, highway: layer_pb2.HighWayTower, of: str) -> None:
    check_activation(report, f"{path}.activation", highway.activation, of)
    check_share(report, f"{path}.dropout_rate", highway.dropout_rate, of=of)
    check_at_least(report, f"{path}.num_layers", highway.num_layers, 1, of=of)


def _check_gate(report: Report, path: str, gate: layer_pb2.WeightedGate, of: str) -> None:
    _check_optional(report, path, gate, "mlp", of)


def _check_din(report: Report, path: str, din: layer_pb2.DINEncoder, of: str) -> None:
    _check_stack(report, f"{path}.attention_dnn", din.attention_dnn, of)
    units = list(din.attention_dnn.hidden_units)
    if units and units[-1] != 1:
        rule = "end in 1, the score of a step"
        report.should(f"{path}.attention_dnn.hidden_units", rule, units, of=of)
    kinds, at = ("softmax", "sigmoid"), f"{path}.attention_normalizer"
    if din.attention_normalizer not in kinds:
        report.should_name(at, "a normalizer", din.attention_normalizer, kinds, of=of)


def _check_heads(
    report: Report, path: str, attention: layer_pb2.MultiHeadAttention, of: str
) -> None:
    for field in ("num_heads", "key_dim"):
        check_at_least(report, f"{path}.{field}", getattr(attention, field), 1, of=of)
    check_share(report, f"{path}.dropout", attention.dropout, of=of)
    _check_initializer(report, f"{path}.kernel_initializer", attention.kernel_initializer, of)


def _check_nothing(report: Report, path: str, message: Any, of: str) -> None:
    """There is nothing that could be wrong."""


_MESSAGES: Mapping[str, Callable[[Report, str, Any, str], None]] = {
    "MLP": _check_stack,
    "MMoE": _check_mmoe,
    "AITMTower": _check_aitm,
    "SENet": _check_senet,
    "MaskBlock": _check_mask_block,
    "MaskNet": _check_masknet,
    "FM": _check_nothing,
    "BiLinear": _check_bilinear,
    "FiBiNet": _check_fibinet,
    "Highway": _check_highway,
    "Gate": _check_gate,
    "DIN": _check_din,
    "MultiHeadAttention": _check_heads,
}


def _check_arguments(
    report: Report, path: str, arguments: Mapping[str, Any], name: str, of: str
) -> None:
    if name == "Dense":
        check_at_least(report, f"{path}.units", arguments.get("units", 0), 1, of=of)
    if name == "Activation" and "activation" not in arguments:
        report.should(f"{path}.activation", "be given", of=of)
    for argument, value in arguments.items():
        at = f"{path}.{argument}"
        if argument == "rate":
            check_share(report, at, value, of=of)
        elif argument == "activation":
            check_activation(report, at, value, of)
        elif argument == "kernel_initializer":
            _check_initializer(report, at, value, of)
        elif argument == "projection_dim":
            check_at_least(report, at, value, 1, of=of)
        elif argument in ("diag_scale", "epsilon", "momentum"):
            check_at_least(report, at, value, 0, of=of)
