"""The graph of a SavedModel as it lies on disk: signatures, nodes, and what reaches what.

Nothing is loaded or run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfmtl.errors import ExportError

GRAPH_FILE = "saved_model.pb"
SERVE = "serve"

_INIT = "__saved_model_init_op"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")  # Inputs are the function's arguments.
_CONTROL = "^"

Node = Any  # tensorflow.NodeDef, whose module has no types.
Follow = Callable[["Body", Node], Iterable[str]]


class Body:
    """The main graph or a function: nodes by name, some of which are arguments.

    Args:
        nodes: Its nodes.
        arguments: Names of a function's arguments, which are no nodes.
        results: What it returns, as inputs of a node are written.
        effects: What it runs beside.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        arguments: Iterable[str] = (),
        results: Iterable[str] = (),
        effects: Iterable[str] = (),
    ) -> None:
        self.nodes: dict[str, Node] = {node.name: node for node in nodes}
        self.arguments = list(arguments)
        self.results = list(results)
        self.effects = [_CONTROL + name for name in effects]

    def behind(self, starts: Iterable[str], follow: Follow | None = None) -> set[str]:
        """Names of the nodes and arguments that something is made of.

        Args:
            starts: What it is, as inputs of a node are written.
            follow: Which inputs of a node count; by default all of them.
        """
        found: set[str] = set()
        waiting = [_node_name(each) for each in starts]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if node := self.nodes.get(name):
                inputs = follow(self, node) if follow else node.input
                waiting.extend(_node_name(each) for each in inputs)
        return found


_NOWHERE = Body(())  # Of a function that is not there.


class SavedGraph:
    """The graph of a SavedModel.

    Args:
        folder: The SavedModel's.

    Raises:
        ExportError: If there is none that can be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / GRAPH_FILE
        saved = _read(self.path)
        self.tag_sets = [sorted(each.meta_info_def.tags) for each in saved.meta_graphs]
        serving = [each for each in saved.meta_graphs if SERVE in each.meta_info_def.tags]
        if not serving:
            raise ExportError(
                f"`{self.path}` should have a graph with the tag `{SERVE}`. "
                f"Received: the tags {self.tag_sets}."
            )
        self.meta = serving[0]
        self.main = Body(self.meta.graph_def.node)
        self.functions = {
            each.signature.name: _body_of(each) for each in self.meta.graph_def.library.function
        }
        self._needed: dict[str, set[int]] = {}
        self._read_as_file: dict[str, set[int]] = {}

    @property
    def signatures(self) -> dict[str, Any]:
        """What can be asked, without what only loads the model."""
        return {name: each for name, each in self.meta.signature_def.items() if name != _INIT}

    @property
    def assets(self) -> dict[str, str]:
        """Files of the folder `assets`, by the names of the nodes that stand for them."""
        return {
            _node_name(each.tensor_info.name): each.filename for each in self.meta.asset_file_def
        }

    def all_nodes(self) -> Iterator[Node]:
        """Every node of the graph and of its functions."""
        for body in (self.main, *self.functions.values()):
            yield from body.nodes.values()

    def asked_nodes(self) -> list[Node]:
        """The nodes that run when signatures are asked, and not those that load the model."""
        starts = [info.name for each in self.signatures.values() for info in each.outputs.values()]
        asked, called = [], dict[str, None]()
        bodies = [(self.main, self.main.behind(starts))]
        while bodies:
            body, names = bodies.pop()
            nodes = [body.nodes[name] for name in sorted(names & body.nodes.keys())]
            asked.extend(nodes)
            for name in (name for node in nodes for name in self.called_by(node)):
                if name not in called:
                    called[name] = None
                    inner = self.functions[name]
                    bodies.append((inner, inner.behind([*inner.results, *inner.effects])))
        return asked

    def called_by(self, node: Node) -> list[str]:
        """The functions that a node calls."""
        values = list(node.attr.values())
        named = [each.func.name for each in values if each.HasField("func")]
        listed = [func.name for each in values for func in each.list.func]
        return [name for name in (node.op, *named, *listed) if name in self.functions]

    def inputs_read(self, signature: Any) -> set[str]:
        """The inputs that an output of the signature depends on."""
        starts = [info.name for info in signature.outputs.values()]
        behind = self.main.behind(starts, self._data_inputs)
        return {name for name, info in signature.inputs.items() if _node_name(info.name) in behind}

    def files_read(self) -> Iterator[Node]:
        """The nodes of the main graph and of functions that name a file which some node reads."""
        for body in (self.main, *self.functions.values()):
            starts = [each for node in body.nodes.values() for each in self._filenames(node)]
            for name in body.behind(starts):
                if name in body.nodes and body.nodes[name].op in ("Const", "Placeholder"):
                    yield body.nodes[name]

    def _data_inputs(self, body: Body, node: Node) -> list[str]:
        """The inputs that a node's outputs depend on."""
        inputs = [each for each in node.input if not each.startswith(_CONTROL)]
        if node.op not in _CALLS:
            return inputs
        needed = self._needed_arguments(node.attr["f"].func.name)
        return [each for index, each in enumerate(inputs) if index in needed]

    def _needed_arguments(self, name: str) -> set[int]:
        """The places of the arguments that a function's results depend on."""
        if name not in self._needed:
            self._needed[name] = set()  # Of a function that calls itself.
            body = self.functions.get(name, _NOWHERE)
            self._needed[name] = _places(body, body.behind(body.results, self._data_inputs))
        return self._needed[name]

    def _filenames(self, node: Node) -> list[str]:
        """The inputs of a node that name a file to read."""
        inputs = [each for each in node.input if not each.startswith(_CONTROL)]
        if node.op in _CALLS:
            places = self._file_arguments(node.attr["f"].func.name)
        else:
            places = _FILE_INPUTS.get(node.op, set())
        return [each for index, each in enumerate(inputs) if index in places]

    def _file_arguments(self, name: str) -> set[int]:
        """The places of the arguments that a function takes for names of files."""
        if name not in self._read_as_file:
            self._read_as_file[name] = set()
            body = self.functions.get(name, _NOWHERE)
            starts = [each for node in body.nodes.values() for each in self._filenames(node)]
            self._read_as_file[name] = _places(body, body.behind(starts))
        return self._read_as_file[name]


# Where operations take names of files. Checkpoints are read by the loader, which names them.
_FILE_INPUTS: Mapping[str, set[int]] = {
    "InitializeTableFromTextFile": {1},
    "InitializeTableFromTextFileV2": {1},
    "TextLineDataset": {0},
    "TFRecordDataset": {0},
    "FixedLengthRecordDataset": {0},
    "MatchingFiles": {0},
    "ReadFile": {0},
}


def _read(path: Path) -> Any:
    try:
        return saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise ExportError(f"`{path}` should be a SavedModel. Received: {error}.") from error


def _body_of(function: Any) -> Body:
    return Body(
        function.node_def,
        [argument.name for argument in function.signature.input_arg],
        function.ret.values(),
        function.control_ret.values(),
    )


def _places(body: Body, names: set[str]) -> set[int]:
    return {index for index, name in enumerate(body.arguments) if name in names}


def _node_name(text: str) -> str:
    """`name` of `name:0`, `name:output:0` and `^name`."""
    return re.sub(r":.*", "", text.removeprefix(_CONTROL))


def shape_of(info: Any) -> list[int | None] | None:
    """The shape of a signature's input or output: None for an axis of any length, or for all."""
    return None if info.tensor_shape.unknown_rank else tf.TensorShape(info.tensor_shape).as_list()
