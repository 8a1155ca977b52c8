"""Stacks of dense layers and what their interactions read, wherever in a config they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from tfmtl.config.backbone.graphs import groups_of_blocks
from tfmtl.config.views import architecture
from tfmtl.protos import feature_pb2, layer_pb2, pipeline_pb2, tower_pb2

# What a stack is called by: the name in the message that has it.
_OWNERS = {"tower_name": "tower", "bottom_name": "bottom", "input": "group"}


class PlacedStack(NamedTuple):
    """A stack and where it stands.

    Args:
        path: Its path, such as `model_config.mmoe.task_towers[0].dnn`.
        field: The field that holds it, such as `TaskTower.dnn`.
        place: Its fields from the architecture's on, such as `mmoe.task_towers.dnn`.
        of: Whose it is, such as "tower `ctr`"; "" if that has no name.
        dnn: The stack.
    """

    path: str
    field: str
    place: str
    of: str
    dnn: layer_pb2.DNN


class PlacedInteraction(NamedTuple):
    """An interaction's kind and parameters, and where they stand."""

    path: str
    kind: str
    parameters: Any


def placed_stacks(pipeline: pipeline_pb2.Pipeline) -> list[PlacedStack]:
    """Lists the stacks of the architecture."""
    name = architecture(pipeline)
    if not name:
        return []
    return list(_stacks(getattr(pipeline.model_config, name), f"model_config.{name}", name))


def _stacks(message: Message, path: str, place: str) -> Iterator[PlacedStack]:
    """Yields the stacks in a message, in the order in which its fields are declared."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        elements = enumerate(value) if field.is_repeated else [(None, value)]
        for index, each in elements:
            at = f"{path}.{field.name}" + ("" if index is None else f"[{index}]")
            if isinstance(each, layer_pb2.DNN):
                holder = f"{message.DESCRIPTOR.name}.{field.name}"
                yield PlacedStack(at, holder, f"{place}.{field.name}", _owner(message), each)
            else:
                yield from _stacks(each, at, f"{place}.{field.name}")


def _owner(message: Message) -> str:
    names = [(what, getattr(message, field, "")) for field, what in _OWNERS.items()]
    return next((f"{what} `{name}`" for what, name in names if name), "")


def placed_interactions(stack: PlacedStack) -> list[PlacedInteraction]:
    """Lists the interactions of a stack; the kind of one that says nothing is ""."""
    listed = []
    for index, each in enumerate(stack.dnn.interactions):
        kind = each.WhichOneof("interaction") or ""
        path = f"{stack.path}.interactions[{index}]"
        listed.append(PlacedInteraction(path, kind, getattr(each, kind) if kind else each))
    return listed


def groups_read(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """Lists the groups whose vectors the architecture itself reads, or the backbone for it."""
    if pipeline.model_config.HasField("backbone"):
        return groups_of_blocks(pipeline.model_config.backbone)
    return [tower.input for tower in listed_groups(pipeline)] or ["all"]


def listed_groups(pipeline: pipeline_pb2.Pipeline) -> Sequence[tower_pb2.Tower]:
    """The `groups` of an architecture that may list some, as esmm does."""
    name = architecture(pipeline)
    return getattr(getattr(pipeline.model_config, name), "groups", ()) if name else ()


def groups_of_interactions(
    pipeline: pipeline_pb2.Pipeline, kinds: Collection[str] = ("wide", "fm")
) -> list[str]:
    """Lists the groups that the interactions of some kinds read."""
    return [
        each.parameters.group_name
        for stack in placed_stacks(pipeline)
        for each in placed_interactions(stack)
        if each.kind in kinds
    ]


def vector_groups(pipeline: pipeline_pb2.Pipeline) -> list[feature_pb2.FeatureGroupConfig]:
    """Lists the groups that may be read as vectors: all but those that only wide parts may read."""
    wide = set(groups_of_interactions(pipeline, ["wide"]))
    wide -= {*groups_read(pipeline), *groups_of_interactions(pipeline, ["fm"])}
    return [
        each
        for each in pipeline.model_config.feature_groups
        if each.group_name not in wide and each.wide_deep != feature_pb2.WIDE
    ]
