"""Rules of what flows through a backbone: each layer reads what it can, in widths that fit.

A shape is without the batch: `(16,)` is a vector of 16, `(12, 16)` are 12 vectors stacked, and
`(None, 16)` a sequence. What flows is a shape, a list of such, or None if a problem of it is told
already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfmtl.config.backbone.classes import MESSAGES, arguments_of, message_of
from tfmtl.config.backbone.slices import Index
from tfmtl.config.backbone.wiring import PATH, Place, backbone_output
from tfmtl.config.problems import Report
from tfmtl.config.rules.widths import member_widths, step_widths
from tfmtl.config.views import architecture, towers
from tfmtl.config.wording import Word
from tfmtl.protos import backbone_pb2, layer_pb2, pipeline_pb2

Shape = tuple[int | None, ...]
Value = Any

# Activations that have weights, one for each unit of a vector.
_BY_UNIT = ("dice", "prelu")
_LIST = "such as an input_layer with `only_output_feature_list` gives"


def check_shapes(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Every block reads what its layer can, and the architecture what the backbone gives."""
    output = backbone_output(pipeline.model_config.backbone, ShapeFlow(pipeline, report))
    if _unknown(output):
        return
    count, name = len(towers(pipeline)), architecture(pipeline)
    if isinstance(output, list) and name == "model_params":
        if len(output) != count or not all(map(_is_vector, output)):
            rule = f"give one vector, or a list of one for each of the {count} towers"
            report.should(PATH, rule, Word(described(output)))
    elif not _is_vector(output):
        report.should(PATH, f"give one vector to {name}", Word(described(output)))


def output_width(pipeline: pipeline_pb2.Pipeline) -> int:
    """Width of the one vector that a sound backbone gives; 0 if it is not sound or not one."""
    report = Report()
    try:
        output = backbone_output(pipeline.model_config.backbone, ShapeFlow(pipeline, report))
    except (KeyError, ValueError, IndexError, RecursionError):
        return 0  # What is wrong with the wiring is told elsewhere.
    return output[0] if not report.problems and _is_vector(output) else 0


def described(value: Value) -> str:
    """What flows, in words."""
    if isinstance(value, list) and len(value) > 1 and all(map(_is_vector, value)):
        return f"a list of vectors of {', '.join(str(width) for (width,) in value)}"
    if isinstance(value, list):
        return f"a list of {', '.join(map(described, value))}" if value else "an empty list"
    if _is_vector(value):
        return f"a vector of {value[0]}"
    if value[0] is None:
        return f"a sequence of {value[1]}"
    return f"{value[0]} vectors of {value[1]}"


class ShapeFlow:
    """Shapes flow, and what does not fit is reported."""

    def __init__(self, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
        self._pipeline = pipeline
        self._report = report

    def read(self, group: str, how: backbone_pb2.InputLayer, place: Place) -> Value:
        members = member_widths(self._pipeline, group)
        if how.output_seq_and_normal_feature:
            return self._sequences(group, members, place)
        vectors: list[Shape] = [(width,) for width in members.values()]
        if not vectors:
            return None  # Its features are told of elsewhere.
        joined = (sum(members.values()),)
        if how.only_output_feature_list:
            return vectors
        if how.output_2d_tensor_and_feature_list:
            return [joined, vectors]
        if how.only_output_3d_tensor:
            return self._stacked(vectors, place)
        return joined

    def _sequences(self, group: str, members: Mapping[str, int], place: Place) -> Value:
        steps = step_widths(self._pipeline, group)
        if not (steps and members):
            rule = "read a group of sequences and of other features beside them"
            self._report.should(place.at("inputs[0]").path, rule, group)
            return None
        return [(None, sum(steps.values())), (sum(members.values()),)]

    def _stacked(self, vectors: Sequence[Shape], place: Place) -> Value:
        if len(set(vectors)) == 1:
            return (len(vectors), *vectors[0])
        rule = "be of a group of features of one width"
        self._should(place.at("input_layer.only_output_3d_tensor"), rule, list(vectors))
        return None

    def join(self, values: Sequence[Value], axis: int, place: Place) -> Value:
        if _unknown(list(values)):
            return None
        ranks = {len(each) for each in values}
        at = axis - 1 if axis > 0 else axis
        if len(ranks) != 1 or axis == 0 or not -min(ranks) <= at < min(ranks):
            self._should(place, "be joined on an axis that all have", list(values))
            return None
        first = list(values[0])
        rest = [[size for i, size in enumerate(each) if i != at % len(each)] for each in values]
        if any(each != rest[0] for each in rest) or any(None in each for each in values):
            self._should(place, "differ in the axis alone on which they are joined", list(values))
            return None
        first[at] = sum(each[at] for each in values)
        return tuple(first)

    def cut(self, value: Value, index: Index, place: Place) -> Value:
        if value is None:
            return None
        if isinstance(value, list) or isinstance(index[0], int):
            self._should(place, "be a place in a list that is read", value)
            return None
        whole_batch = index[0] == slice(None, None)
        sizes = [_cut_axis(size, part) for size, part in zip(value, index[1:], strict=False)]
        if not whole_batch or len(index) > len(value) + 1 or None in value or 0 in sizes:
            self._should(place, "begin with `:`, the batch, and be within what is read", value)
            return None
        shape = tuple(size for size in sizes if size != -1) + value[len(index) - 1 :]
        if not shape:
            self._should(place, "leave a vector: `[:, 0:1]` instead of `[:, 0]`", value)
            return None
        return shape

    def apply(self, layer: backbone_pb2.KerasLayer, value: Value, place: Place) -> Value:
        if _unknown(value):
            return None
        name = layer.class_name
        if name in MESSAGES:
            return _MESSAGES[name](self, message_of(layer), value, place)
        return _PLAIN[name](self, arguments_of(layer), value, place)

    def _should(self, place: Place, rule: str, received: Value) -> None:
        said = None if received is None else Word(described(received))
        self._report.should(place.path, rule, said)

    # What a layer reads: each gives what it was given, or reports and gives None.

    def _dense_input(self, value: Value, place: Place) -> Shape | None:
        """A vector, or vectors that are treated alike."""
        if isinstance(value, tuple) and None not in value:
            return value
        self._should(place, "read a vector", value)
        return None

    def _vector(self, value: Value, place: Place) -> int | None:
        if _is_vector(value):
            return value[0]
        self._should(place, "read a vector", value)
        return None

    def _vectors(self, value: Value, place: Place, least: int = 1) -> list[int] | None:
        """The widths of a list of vectors."""
        if isinstance(value, list) and len(value) >= least and all(map(_is_vector, value)):
            return [each[0] for each in value]
        several = "two or more vectors" if least > 1 else "the features' vectors"
        self._should(place, f"read {several} as a list, {_LIST}", value)
        return None

    def _alike(self, value: Value, place: Place) -> list[int] | None:
        """The widths of two vectors or more, which are one."""
        widths = self._vectors(value, place, least=2)
        if widths is None or len(set(widths)) == 1:
            return widths
        self._should(place, "read vectors of one width", value)
        return None

    # What the layers with messages give.

    def _mlp(self, mlp: layer_pb2.MLP, value: Value, place: Place) -> Value:
        width = self._vector(value, place)
        return None if width is None else (mlp.hidden_units[-1],)

    def _optional_mlp(self, message: Any, field: str, value: Value, place: Place) -> Value:
        if not message.HasField(field):
            return value
        return self._mlp(getattr(message, field), value, place.at(field))

    def _mmoe(self, mmoe: layer_pb2.MMoELayer, value: Value, place: Place) -> Value:
        if not mmoe.num_expert:
            return value
        if mmoe.HasField("expert_mlp"):
            width = self._vector(value, place)
            units = mmoe.expert_mlp.hidden_units[-1]
            return None if width is None else [(units,)] * mmoe.num_task
        widths = self._vectors(value, place, least=2)
        if widths is None:
            return None
        if len(widths) != mmoe.num_expert + 1 or len(set(widths[:-1])) > 1:
            rule = (
                f"read {mmoe.num_expert} experts of one width and what feeds the gates, because "
                "there is no `expert_mlp`"
            )
            self._should(place, rule, value)
            return None
        return [(widths[0],)] * mmoe.num_task

    def _aitm(self, aitm: layer_pb2.AITMTower, value: Value, place: Place) -> Value:
        if not isinstance(value, list):
            return value
        widths = self._vectors(value, place)
        return None if widths is None else (aitm.project_dim or widths[0],)

    def _senet(self, senet: layer_pb2.SENet, value: Value, place: Place) -> Value:
        widths = self._vectors(value, place)
        if widths is None:
            return None
        groups = senet.num_squeeze_group
        if any(width % groups for width in widths):
            rule = f"read features of widths that `num_squeeze_group`, {groups}, divides"
            self._should(place, rule, value)
            return None
        return (sum(widths),)

    def _mask_block(self, block: layer_pb2.MaskBlock, value: Value, place: Place) -> Value:
        if isinstance(value, list) and len(value) == 2 and all(map(_is_vector, value)):
            value = value[0]
        elif isinstance(value, list):
            self._should(place, "read a vector, or two", value)
            return None
        width = self._vector(value, place)
        return None if width is None else (block.output_size or width,)

    def _masknet(self, masknet: layer_pb2.MaskNet, value: Value, place: Place) -> Value:
        width = self._vector(value, place)
        if width is None:
            return None
        if masknet.use_parallel:
            outputs = sum(block.output_size or width for block in masknet.mask_blocks)
        else:
            outputs = width
            for block in masknet.mask_blocks:
                outputs = block.output_size or outputs
        return self._optional_mlp(masknet, "mlp", (outputs,), place)

    def _fm(self, fm: layer_pb2.FM, value: Value, place: Place) -> Value:
        if isinstance(value, tuple) and len(value) == 2 and value[0] is not None:
            return (value[1] if fm.use_variant else 1,)
        widths = self._alike(value, place)
        return None if widths is None else (widths[0] if fm.use_variant else 1,)

    def _bilinear(self, bilinear: layer_pb2.Bilinear, value: Value, place: Place) -> Value:
        wide = bilinear.type == "interaction"
        widths = self._vectors(value, place, least=2) if wide else self._alike(value, place)
        return None if widths is None else (bilinear.num_output_units,)

    def _fibinet(self, fibinet: layer_pb2.FiBiNet, value: Value, place: Place) -> Value:
        parts = [self._senet(fibinet.senet, value, place.at("senet"))]
        if fibinet.HasField("bilinear"):
            parts.append(self._bilinear(fibinet.bilinear, value, place.at("bilinear")))
        if _unknown(parts):
            return None
        joined = (sum(part[0] for part in parts),)
        return self._optional_mlp(fibinet, "mlp", joined, place)

    def _highway(self, highway: layer_pb2.HighWayTower, value: Value, place: Place) -> Value:
        width = self._vector(value, place)
        return None if width is None else (highway.emb_size or width,)

    def _gate(self, gate: layer_pb2.WeightedGate, value: Value, place: Place) -> Value:
        widths = self._vectors(value, place, least=2)
        if widths is None:
            return None
        index = gate.weight_index
        others = [width for place_, width in enumerate(widths) if place_ != index]
        if index >= len(widths) or widths[index] < len(others) or len(set(others)) != 1:
            rule = (
                "read vectors of one width, and at place `weight_index` a weight for each of them"
            )
            self._should(place, rule, value)
            return None
        return self._optional_mlp(gate, "mlp", (others[0],), place)

    def _din(self, din: layer_pb2.DINEncoder, value: Value, place: Place) -> Value:
        if not (isinstance(value, list) and len(value) == 2 and _are_steps(*value)):
            rule = (
                "read a sequence and a target, as an input_layer with "
                "`output_seq_and_normal_feature` gives them"
            )
            self._should(place, rule, value)
            return None
        steps, target = value[0][1], value[1][0]
        if target > steps:
            rule = "read a target that is no wider than the steps of the sequence"
            self._should(place, rule, value)
            return None
        return (steps + (target if din.need_target_feature else 0),)

    def _heads(self, attention: layer_pb2.MultiHeadAttention, value: Value, place: Place) -> Value:
        inputs = value if isinstance(value, list) else [value]
        are_stacked = all(isinstance(each, tuple) and len(each) == 2 for each in inputs)
        if not are_stacked or len(inputs) > 3 or any(None in each for each in inputs):
            rule = (
                "read the features' vectors stacked, such as an input_layer with "
                "`only_output_3d_tensor` gives, or a list of query, value and key"
            )
            self._should(place, rule, value)
            return None
        if len({count for count, _ in inputs[1:]}) > 1:
            self._should(place, "read as many keys as values", value)
            return None
        count, width = inputs[0]
        return (count, attention.output_shape or width)

    # What the layers without messages give.

    def _dense(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        shape = self._same(given, value, place)
        return None if shape is None else (*shape[:-1], given["units"])

    def _same(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        if given.get("activation") in _BY_UNIT:
            return self._normalized(given, value, place)
        return self._dense_input(value, place)

    def _normalized(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        del given
        return None if self._vector(value, place) is None else value

    def _cross(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        del given
        if _is_vector(value):
            return value
        widths = self._alike(value, place)
        if widths is not None and len(widths) != 2:
            self._should(place, "read a vector, or x_0 and x_l", value)
            return None
        return None if widths is None else (widths[0],)

    def _dots(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        widths = self._alike(value, place)
        if widths is None:
            return None
        count = len(widths)
        if given.get("skip_gather"):
            return (count * count,)
        return (math.comb(count + (1 if given.get("self_interaction") else 0), 2),)

    def _merge(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        del given
        if isinstance(value, list) and len(value) > 1 and all(map(_is_shape, value)):
            if len(set(value)) == 1:
                return value[0]
        self._should(place, "read a list of two or more of one width", value)
        return None

    def _subtract(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        if isinstance(value, list) and len(value) > 2:
            self._should(place, "read a list of two", value)
            return None
        return self._merge(given, value, place)

    def _concatenate(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        if not (isinstance(value, list) and value and all(map(_is_shape, value))):
            self._should(place, "read a list", value)
            return None
        return self.join(value, given.get("axis", -1), place)

    def _flatten(self, given: Mapping[str, Any], value: Value, place: Place) -> Value:
        shape = self._same(given, value, place)
        return None if shape is None else (math.prod(shape),)


_Read = Callable[[ShapeFlow, Any, Value, Place], Value]
_MESSAGES: Mapping[str, _Read] = {
    "MLP": ShapeFlow._mlp,
    "MMoE": ShapeFlow._mmoe,
    "AITMTower": ShapeFlow._aitm,
    "SENet": ShapeFlow._senet,
    "MaskBlock": ShapeFlow._mask_block,
    "MaskNet": ShapeFlow._masknet,
    "FM": ShapeFlow._fm,
    "BiLinear": ShapeFlow._bilinear,
    "FiBiNet": ShapeFlow._fibinet,
    "Highway": ShapeFlow._highway,
    "Gate": ShapeFlow._gate,
    "DIN": ShapeFlow._din,
    "MultiHeadAttention": ShapeFlow._heads,
}
_PLAIN: Mapping[str, _Read] = {
    "Cross": ShapeFlow._cross,
    "DotInteraction": ShapeFlow._dots,
    "Dense": ShapeFlow._dense,
    "Dropout": ShapeFlow._same,
    "Activation": ShapeFlow._same,
    "BatchNormalization": ShapeFlow._normalized,
    "LayerNormalization": ShapeFlow._same,
    "Add": ShapeFlow._merge,
    "Subtract": ShapeFlow._subtract,
    "Multiply": ShapeFlow._merge,
    "Average": ShapeFlow._merge,
    "Maximum": ShapeFlow._merge,
    "Minimum": ShapeFlow._merge,
    "Concatenate": ShapeFlow._concatenate,
    "Flatten": ShapeFlow._flatten,
}


def _is_vector(value: Value) -> bool:
    return isinstance(value, tuple) and len(value) == 1


def _is_shape(value: Value) -> bool:
    return isinstance(value, tuple) and None not in value


def _are_steps(steps: Value, target: Value) -> bool:
    return isinstance(steps, tuple) and steps[0] is None and _is_vector(target)


def _unknown(value: Value) -> bool:
    """Whether a problem of it, or of something in it, is told already."""
    return value is None or (isinstance(value, list) and any(map(_unknown, value)))


def _cut_axis(size: int | None, part: int | slice) -> int:
    """The size that a part of an axis has; 0 if it is not within, -1 if the axis goes away."""
    if size is None:
        return 0
    if isinstance(part, int):
        return -1 if -size <= part < size else 0
    return len(range(size)[part])
