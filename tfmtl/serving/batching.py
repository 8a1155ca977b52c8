"""`batching_params.pbtxt` of a version: how a server makes one batch of several requests.

TensorFlow Serving reads it with `--enable_batching --enable_per_model_batching_parameters`; a model
without the file is then not batched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfmtl.protos.export_pb2 import Batching

BATCHING_FILE = "batching_params.pbtxt"

_NUMBERS = (
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "max_execution_batch_size",
)
_KNOWN = (*_NUMBERS, "allowed_batch_sizes", "enable_large_batch_splitting")
_FIELD = re.compile(r"(\w+)\s*(?::\s*(\w+)|\{\s*value\s*:\s*(\w+)\s*\})")


def batching_text(batching: Batching) -> str:
    """The file's text, in TensorFlow Serving's words."""
    lines = [
        f"{name} {{ value: {getattr(batching, name)} }}"
        for name in _NUMBERS
        if batching.HasField(name)
    ]
    if batching.enable_large_batch_splitting:
        lines.append("enable_large_batch_splitting { value: true }")
    lines.extend(f"allowed_batch_sizes: {size}" for size in batching.allowed_batch_sizes)
    return "".join(f"{line}\n" for line in lines)


def batching_problems(text: str) -> Iterator[str]:
    """What a server would not take of such a file, and what would change its answers."""
    fields = [(name, first or second) for name, first, second in _FIELD.findall(text)]
    if rest := _FIELD.sub("", re.sub(r"#.*", "", text)).split():
        yield f"It should be text of BatchingParameters. Received: {' '.join(rest)}."
    for name, value in fields:
        if name not in _KNOWN:
            yield f"It should have the fields {', '.join(_KNOWN)}. Received: {name}: {value}."
    sizes = [int(value) for name, value in fields if name == "allowed_batch_sizes"]
    yield from size_problems(sizes, _largest(dict(fields)))


def size_problems(sizes: list[int], largest: int | None) -> Iterator[str]:
    """What is wrong with sizes of batches, of which the last is the largest there can be."""
    if sizes != sorted(set(sizes)):
        yield f"`allowed_batch_sizes` should grow. Received: {sizes}."
    if sizes and largest is not None and sizes[-1] != largest:
        yield f"The last of `allowed_batch_sizes` should be {largest}. Received: {sizes[-1]}."


def _largest(fields: dict[str, str]) -> int | None:
    """The most rows of a batch that is run."""
    splits = fields.get("enable_large_batch_splitting") == "true"
    name = "max_execution_batch_size" if splits else "max_batch_size"
    text = fields.get(name) or fields.get("max_batch_size")
    return int(text) if text else None
