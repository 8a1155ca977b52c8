"""Rules of what flows through a backbone: each block reads what it can, in widths that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl.config.backbone.graphs import PATH
from tfmtl.config.backbone.slices import Index
from tfmtl.config.backbone.wiring import Place, backbone_output
from tfmtl.config.problems import Report
from tfmtl.config.rules.layer_shapes import has_weights, layer_shape
from tfmtl.config.rules.shapes import (
    Fed,
    Shape,
    Value,
    described,
    is_unknown,
    is_vector,
    last_axis,
)
from tfmtl.config.rules.widths import member_widths, step_widths
from tfmtl.config.views import architecture, towers
from tfmtl.config.wording import Word
from tfmtl.protos import backbone_pb2, pipeline_pb2


def check_shapes(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Every block reads what its layer can, and the architecture what the backbone gives."""
    output = backbone_output(pipeline.model_config.backbone, ShapeFlow(pipeline, report))
    if is_unknown(output):
        return
    count, name = len(towers(pipeline)), architecture(pipeline)
    if isinstance(output, list) and name == "model_params":
        if len(output) != count or not all(map(is_vector, output)):
            rule = f"give one vector, or a list of one for each of the {count} towers"
            report.should(PATH, rule, Word(described(output)))
    elif not is_vector(output):
        report.should(PATH, f"give one vector to {name}", Word(described(output)))


class ShapeFlow:
    """Shapes flow, and what does not fit is reported."""

    def __init__(self, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
        self._pipeline = pipeline
        self._report = report
        self._fed_first: dict[str, Value] = {}  # To the layers, by their names.

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
        fed = self._fed(list(vectors), place.at("input_layer.only_output_3d_tensor"))
        fed.should("be of a group of features of one width")
        return None

    def join(self, values: Sequence[Value], axis: int, place: Place) -> Value:
        fed = self._fed(list(values), place)
        return None if is_unknown(fed.value) else fed.as_joined(axis)

    def cut(self, value: Value, index: Index, place: Place) -> Value:
        if is_unknown(value):
            return None
        fed = self._fed(value, place)
        if isinstance(value, list) or isinstance(index[0], int):
            fed.should("be a place in a list that is read")
            return None
        whole_batch = index[0] == slice(None, None)
        sizes = [_cut_axis(size, part) for size, part in zip(value, index[1:], strict=False)]
        if not whole_batch or len(index) > len(value) + 1 or None in value or 0 in sizes:
            fed.should("begin with `:`, the batch, and be within what is read")
            return None
        shape = tuple(size for size in sizes if size != -1) + value[len(index) - 1 :]
        if not shape:
            fed.should("leave a vector: `[:, 0:1]` instead of `[:, 0]`")
            return None
        return shape

    def apply(self, layer: backbone_pb2.KerasLayer, value: Value, place: Place) -> Value:
        if is_unknown(value):
            return None
        fed = self._fed(value, place)
        first = self._fed_first.setdefault(place.name, value)
        if has_weights(layer) and last_axis(value) != last_axis(first):
            # A package's layers have the same weights in each of its uses.
            fed.should(f"read what it does in another use of its package, {described(first)}")
            return None
        return layer_shape(layer, fed)

    def _fed(self, value: Value, place: Place) -> Fed:
        return Fed(value, place, self._report)


def _cut_axis(size: int | None, part: int | slice) -> int:
    """The size that a part of an axis has; 0 if it is not within, -1 if the axis goes away."""
    if size is None:
        return 0
    if isinstance(part, int):
        return -1 if -size <= part < size else 0
    return len(range(size)[part])
