"""The way through a backbone's blocks, whatever flows: shapes to check it, tensors to build it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tfmtl.config.backbone.graphs import PATH, Graph, blocks_taken, graphs, outputs_of
from tfmtl.config.backbone.slices import Index, parse_slice
from tfmtl.config.order import ordered
from tfmtl.protos import backbone_pb2

# Something that flows, or a list of such.
Value = Any


class Place(NamedTuple):
    """Where something stands.

    Args:
        path: Its path in the config, for messages.
        name: Begins the names of its layers; that of a package's block is the same in each of its
            uses.
    """

    path: str
    name: str

    def at(self, field: str, suffix: str = "") -> Place:
        """The place of a field of what stands here."""
        return Place(f"{self.path}.{field}", f"{self.name}{suffix}")


class Flow(Protocol):
    """What flows through the blocks, and what becomes of it. Lists of it are Python's."""

    def read(self, group: str, how: backbone_pb2.InputLayer, place: Place) -> Value:
        """A feature group, as an input layer gives it."""

    def join(self, values: Sequence[Value], axis: int, place: Place) -> Value:
        """Several inputs, none of which is a list, as one."""

    def cut(self, value: Value, index: Index, place: Place) -> Value:
        """A part of something that is not a list."""

    def apply(self, layer: backbone_pb2.KerasLayer, value: Value, place: Place) -> Value:
        """What a layer makes of its input."""


def backbone_output(backbone: backbone_pb2.BackboneTower, flow: Flow) -> Value:
    """What a backbone gives, `top_mlp` included. Its wiring is sound, see the rules."""
    packages = {
        package.name: _Packed(package, Place(path, f"package/{package.name}"))
        for path, package in graphs(backbone)
        if isinstance(package, backbone_pb2.BlockPackage)
    }
    output = _Walk(_Packed(backbone, Place(PATH, "block")), packages, flow).output()
    if not backbone.HasField("top_mlp"):
        return output
    place = Place(f"{PATH}.top_mlp", "top_mlp")
    if isinstance(output, list):
        output = flow.join(output, -1, place)
    return flow.apply(
        backbone_pb2.KerasLayer(class_name="MLP", mlp=backbone.top_mlp), output, place
    )


class _Packed(NamedTuple):
    """A graph and where it stands."""

    graph: Graph
    place: Place


class _Walk:
    """One way through one graph.

    Args:
        packed: The graph.
        packages: The packages by name.
        flow: What flows.
        package_input: What flows into it, if it is a package.
        reset: What its input layers are, if not what they say.
    """

    def __init__(
        self,
        packed: _Packed,
        packages: Mapping[str, _Packed],
        flow: Flow,
        package_input: Value = None,
        reset: backbone_pb2.InputLayer | None = None,
    ) -> None:
        self._graph, self._place = packed
        self._packages = packages
        self._flow = flow
        self._package_input = package_input
        self._reset = reset
        self._numbers = {block.name: number for number, block in enumerate(self._graph.blocks)}
        self._values: dict[str, Value] = {}

    def output(self) -> Value:
        """What the graph gives."""
        outputs = outputs_of(self._graph)
        takes = {block.name: blocks_taken(block, self._graph) for block in self._graph.blocks}
        for name in ordered(takes, outputs):
            self._values[name] = self._value(name)
        values = [self._values[name] for name in outputs]
        if self._graph.output_blocks:
            return values
        return self._merged(values, -1, self._place.at("concat_blocks", "/output"))

    def _value(self, name: str) -> Value:
        """What a block gives, once those have that it takes."""
        number = self._numbers[name]
        block = self._graph.blocks[number]
        place = Place(f"{self._place.path}.blocks[{number}]", f"{self._place.name}/{name}")
        if block.HasField("input_layer"):
            how = self._reset or block.input_layer
            return self._flow.read(block.inputs[0].feature_group_name, how, place)
        value = self._input(block, place)
        if not block.layers:
            return self._step(block, value, place)
        for number, layer in enumerate(block.layers):
            value = self._step(layer, value, place.at(f"layers[{number}]", f"/layer_{number}"))
        return value

    def _input(self, block: backbone_pb2.Block, place: Place) -> Value:
        read = [
            self._read(each, place.at(f"inputs[{number}]", f"/input_{number}"), block)
            for number, each in enumerate(block.inputs)
            if not each.ignore_input
        ]
        if block.merge_inputs_into_list:
            return read
        return self._merged(read, block.input_concat_axis, place.at("inputs", "/inputs"))

    def _read(self, source: backbone_pb2.Input, place: Place, block: backbone_pb2.Block) -> Value:
        value = self._source(source, place, block)
        if source.input_slice:
            return self._cut(value, parse_slice(source.input_slice), place.at("input_slice"))
        return value

    def _source(self, source: backbone_pb2.Input, place: Place, block: backbone_pb2.Block) -> Value:
        if source.use_package_input:
            return self._package_input
        if source.package_name:
            feed = self._values[source.package_input] if source.package_input else None
            reset = source.reset_input if source.HasField("reset_input") else None
            packed = self._packages[source.package_name]
            return _Walk(packed, self._packages, self._flow, feed, reset).output()
        name = source.block_name or source.feature_group_name
        if name in self._numbers and name != block.name:
            return self._values[name]
        return self._flow.read(source.feature_group_name, backbone_pb2.InputLayer(), place)

    def _merged(self, values: Sequence[Value], axis: int, place: Place) -> Value:
        """One value as it is; lists, and others beside them, as one list; others joined."""
        if len(values) == 1:
            return values[0]
        if any(isinstance(each, list) for each in values):
            return [one for each in values for one in (each if isinstance(each, list) else [each])]
        return self._flow.join(values, axis, place)

    def _cut(self, value: Value, index: Index, place: Place) -> Value:
        if not isinstance(value, list) or not _fits(value, index):
            return self._flow.cut(value, index, place)
        part = value[index[0]]
        rest = index[1:]
        return self._cut(part, rest, place) if rest else part

    def _step(
        self, holder: backbone_pb2.Block | backbone_pb2.Layer, value: Value, place: Place
    ) -> Value:
        """What one layer, of whichever kind, makes of its input; none passes it on."""
        kind = holder.WhichOneof("layer")
        if kind == "keras_layer":
            return self._flow.apply(holder.keras_layer, value, place.at("keras_layer"))
        if kind == "recurrent":
            return self._recurrent(holder.recurrent, value, place.at("recurrent"))
        if kind == "repeat":
            return self._repeat(holder.repeat, value, place.at("repeat"))
        return value

    def _recurrent(self, message: backbone_pb2.RecurrentLayer, value: Value, place: Place) -> Value:
        fixed = message.fixed_input_index if message.HasField("fixed_input_index") else None
        if fixed is not None and not (isinstance(value, list) and _fits(value, (fixed,))):
            return self._flow.cut(value, (fixed,), place.at("fixed_input_index"))
        for number in range(message.num_steps):
            output = self._flow.apply(
                message.keras_layer, value, place.at("keras_layer", f"/{number}")
            )
            if fixed is None:
                value = output
            else:
                outputs = output if isinstance(output, list) else [output]
                value = [*outputs[:fixed], value[fixed], *outputs[fixed:]]
        if fixed is None:
            return value
        moved = [each for number, each in enumerate(value) if number != fixed]
        return moved[0] if len(moved) == 1 else moved

    def _repeat(self, message: backbone_pb2.RepeatLayer, value: Value, place: Place) -> Value:
        outputs = []
        for number in range(message.num_repeat):
            part = value
            if message.input_slice:
                index = parse_slice(message.input_slice, number)
                part = self._cut(value, index, place.at("input_slice", f"/{number}"))
            at = place.at("keras_layer", f"/{number}")
            outputs.append(self._flow.apply(message.keras_layer, part, at))
        if len(outputs) == 1:
            return outputs[0]
        if message.HasField("output_concat_axis"):
            axis = message.output_concat_axis
            return self._flow.join(outputs, axis, place.at("output_concat_axis", "/outputs"))
        return outputs


def _fits(values: Sequence[Value], index: Index) -> bool:
    """Whether a list has what an index says."""
    first = index[0]
    if isinstance(first, slice):
        return bool(values[first]) and len(index) == 1
    return -len(values) <= first < len(values)
