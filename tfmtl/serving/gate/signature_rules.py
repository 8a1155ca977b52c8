"""Rules of the signatures: what clients and servers rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfmtl.serving.gate.version import Version
from tfmtl.serving.manifest import signatures_told
from tfmtl.serving.saved_graph import SERVE, shape_of
from tfmtl.serving.signatures import SERVING_DEFAULT

_NAME = re.compile(r"[A-Za-z0-9_.\-/]+")
_METHODS = tuple(f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))

# What TensorFlow Serving's REST interface can write.
_TYPES = ("float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string").split()


def one_tag(version: Version) -> Iterator[str]:
    """There is one graph, and its one tag is `serve`."""
    if version.graph.tag_sets != [[SERVE]]:
        yield (
            f"There should be one graph, with the one tag `{SERVE}`. "
            f"Received: {version.graph.tag_sets}."
        )


def default_signature(version: Version) -> Iterator[str]:
    """Requests that name no signature have one."""
    if SERVING_DEFAULT not in version.graph.signatures:
        yield (
            f"There should be a signature `{SERVING_DEFAULT}`, which requests without a name mean. "
            f"Received: {_listed(version.graph.signatures)}."
        )


def known_methods(version: Version) -> Iterator[str]:
    """Signatures are for Predict, Classify or Regress, with the names that these need."""
    for name, signature in version.graph.signatures.items():
        method = signature.method_name
        if method not in _METHODS:
            rule = f"Signature `{name}` should be for one of {', '.join(_METHODS)}."
            yield f"{rule} Received: {method!r}."
        elif method != _METHODS[0] and set(signature.inputs) != {"inputs"}:
            rule = f"Signature `{name}` should have the one input `inputs`, as {method} needs."
            yield f"{rule} Received: {_listed(signature.inputs)}."


def told_names(version: Version) -> Iterator[str]:
    """Names, types and shapes of inputs and outputs are those that the export tells of itself."""
    found, told = signatures_told(version.graph), version.manifest["signatures"]
    if missing := sorted(told.keys() ^ found.keys()):
        yield (
            f"The signatures should be {_listed(told)}. Received: {_listed(found)}, "
            f"which differ in `{missing[0]}`."
        )
    for name in sorted(told.keys() & found.keys()):
        for part in ("inputs", "outputs"):
            yield from _told_tensors(f"{part} of signature `{name}`", told[name], found[name], part)


def plain_names(version: Version) -> Iterator[str]:
    """Names of inputs and outputs are made of plain characters."""
    for place, _, name, _ in _tensors(version):
        if not _NAME.fullmatch(name):
            rule = f"{place} should have a name of letters, digits and `_ . - /`."
            yield f"{rule} Received: {name!r}."


def dense(version: Version) -> Iterator[str]:
    """No input or output is ragged or sparse, which a server cannot batch."""
    for place, _, _, info in _tensors(version):
        if info.WhichOneof("encoding") != "name":
            yield f"{place} should be dense. Received: {info.WhichOneof('encoding')}."


def batch_first(version: Version) -> Iterator[str]:
    """The first axis of every input and output is the batch, of any length."""
    for place, _, _, info in _tensors(version):
        shape = shape_of(info)
        if not shape or shape[0] is not None:
            rule = f"{place} should have the batch as its first axis, of any length."
            yield f"{rule} Received: the shape {_shown(shape)}."


def known_types(version: Version) -> Iterator[str]:
    """Inputs and outputs have types that REST knows."""
    for place, _, _, info in _tensors(version):
        dtype = tf.as_dtype(info.dtype).name
        if dtype not in _TYPES:
            yield f"{place} should have one of the types {', '.join(_TYPES)}. Received: {dtype}."


def inputs_read(version: Version) -> Iterator[str]:
    """Every input is read, but for those that are declared as unread."""
    declared = set(version.manifest["unread_inputs"])
    for name, signature in version.graph.signatures.items():
        unread = signature.inputs.keys() - version.graph.inputs_read(signature) - declared
        for each in sorted(unread):
            yield (
                f"Input `{each}` of signature `{name}` should be read: every request has to bring "
                "it. Received: no output depends on it."
            )


def _tensors(version: Version) -> Iterator[tuple[str, str, str, Any]]:
    """What to call it, the signature, the name and the TensorInfo of every input and output."""
    for signature, each in sorted(version.graph.signatures.items()):
        for word, infos in (("Input", each.inputs), ("Output", each.outputs)):
            for name, info in sorted(infos.items()):
                yield f"{word} `{name}` of signature `{signature}`", signature, name, info


def _told_tensors(
    what: str, told: Mapping[str, Any], found: Mapping[str, Any], part: str
) -> Iterator[str]:
    wanted, given = told[part], found[part]
    if wanted.keys() != given.keys():
        lost = ", ".join(f"`{name}`" for name in sorted(wanted.keys() - given.keys())) or "none"
        new = ", ".join(f"`{name}`" for name in sorted(given.keys() - wanted.keys())) or "none"
        yield f"The {what} should be {_listed(wanted)}. Received: {lost} missing, {new} beside."
    for name in sorted(wanted.keys() & given.keys()):
        if wanted[name] != given[name]:
            rule = f"`{name}` of the {what} should be {_described(wanted[name])}."
            yield f"{rule} Received: {_described(given[name])}."


def _described(told: Mapping[str, Any]) -> str:
    return f"{told['dtype']} {_shown(told['shape'])}"


def _shown(shape: list[int | None] | None) -> str:
    """`[?, 3]`, or `of any rank`."""
    if shape is None:
        return "of any rank"
    return f"[{', '.join('?' if axis is None else str(axis) for axis in shape)}]"


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
