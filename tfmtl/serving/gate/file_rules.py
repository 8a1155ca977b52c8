"""Rules of the files of a version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from tfmtl.serving.batching import BATCHING_FILE, batching_problems
from tfmtl.serving.embedding_storage import TOLERANCES, EmbeddingStorage
from tfmtl.serving.gate.version import Version, lack_of
from tfmtl.serving.golden import GOLDEN_FILE
from tfmtl.serving.manifest import (
    EXTRA_FOLDER,
    FINGERPRINT_FILE,
    MANIFEST_FILE,
    checksums,
    saved_variables,
)
from tfmtl.serving.saved_graph import GRAPH_FILE
from tfmtl.serving.versions import is_version
from tfmtl.serving.warmup import WARMUP_FILE

_FILES_OF_TENSORFLOW = (GRAPH_FILE, "variables/variables.index")
_FILES_OF_TFMTL = (
    FINGERPRINT_FILE,
    f"{EXTRA_FOLDER}/{MANIFEST_FILE}",
    f"{EXTRA_FOLDER}/{GOLDEN_FILE}",
    f"{EXTRA_FOLDER}/{WARMUP_FILE}",
)
_MOST_BYTES_OF_GRAPH = 64 << 20
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # What of a checkpoint is no variable.
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def loadable(version: Version) -> Iterator[str]:
    """There is a graph, and there are variables."""
    return filter(None, (lack_of(version.folder, name) for name in _FILES_OF_TENSORFLOW))


def numbered(version: Version) -> Iterator[str]:
    """The folder is called by its number."""
    if not is_version(version.folder):
        yield (
            "A version's folder should be called by its number, because servers leave out all "
            f"others. Received: `{version.folder.absolute().name}`."
        )


def complete(version: Version) -> Iterator[str]:
    """No file of a version is missing or empty."""
    return filter(None, (lack_of(version.folder, name) for name in _FILES_OF_TFMTL))


def whole_variables(version: Version) -> Iterator[str]:
    """All parts of the variables are there."""
    folder = version.folder / "variables"
    try:
        tf.train.load_checkpoint(str(folder / "variables")).get_tensor(_OBJECT_GRAPH)
    except (tf.errors.OpError, IndexError, ValueError, RuntimeError) as error:
        yield f"`variables/` should be whole. Received: {' '.join(str(error).split())}."
    for part in folder.glob("variables.data-00000-of-*"):
        count = int(part.name.rpartition("-")[2])
        found = len(list(folder.glob(f"variables.data-*-of-{count:05d}")))
        if found != count:
            yield f"`variables/` should have {count} files of data. Received: {found}."


def assets_there(version: Version) -> Iterator[str]:
    """Every file that the graph reads is among the assets."""
    for name in sorted(set(version.graph.assets.values())):
        if not (version.folder / "assets" / name).is_file():
            rule = f"`assets/{name}`, which the graph reads, should be there."
            yield f"{rule} Received: no such file."


def small_graph(version: Version) -> Iterator[str]:
    """The graph is small: weights are variables, and vocabularies are assets."""
    size = version.graph.path.stat().st_size
    if size > _MOST_BYTES_OF_GRAPH:
        yield (
            f"`{GRAPH_FILE}` should have at most {_MOST_BYTES_OF_GRAPH:,} bytes, because servers "
            f"refuse large ones. Received: {size:,}. Use `vocab_file` in place of `vocab_list`."
        )


def variables_of_inference(version: Version) -> Iterator[str]:
    """The variables are those that signatures read: no optimizer slots, nothing of training."""
    unclaimed = {
        node.attr["shared_name"].s.decode()
        for node in version.graph.asked_nodes()
        if node.op == "VarHandleOp"
    }
    for key, name in sorted(_variable_names(version.folder).items()):
        claimed = [each for each in sorted(unclaimed) if _is_called(each, name)][:1]
        unclaimed -= set(claimed)
        if not claimed:
            yield (
                "`variables/` should hold what the signatures read, and nothing of training. "
                f"Received: `{key.removesuffix(_VALUE)}`, the variable `{name}`."
            )
    for name in sorted(unclaimed):
        yield f"`variables/` should hold `{name}`, which a signature reads. Received: no such key."


def allowed_tolerance(version: Version) -> Iterator[str]:
    """The tolerance of answers is that of the embeddings' storage."""
    most, told = TOLERANCES[version.storage], version.manifest["tolerance"]
    if not 0 <= told <= most:
        yield (
            f"`{MANIFEST_FILE}` should tell a `tolerance` of at most {most:g}, that of tables in "
            f"{EmbeddingStorage.Name(version.storage)}. Received: {told:g}."
        )


def unchanged(version: Version) -> Iterator[str]:
    """Graph and assets are those that were exported."""
    found, told = checksums(version.folder), version.manifest.get("checksums")
    if not isinstance(told, dict):
        yield f"`{MANIFEST_FILE}` should tell the `checksums` of files. Received: {told!r}."
        return
    for name in sorted(found.keys() | told.keys()):
        if found.get(name) != told.get(name):
            what = "another" if name in told else "a file that the export does not tell of"
            what = what if name in found else "no such file"
            yield f"`{name}` should be as it was exported. Received: {what}."


def batching_file(version: Version) -> Iterator[str]:
    """The server's parameters of batching, if there are any, can be used."""
    path = version.folder / BATCHING_FILE
    if path.is_file():
        for problem in batching_problems(path.read_text("utf-8", "replace")):
            yield f"`{BATCHING_FILE}`: {problem}"


def _variable_names(folder: Path) -> dict[str, str]:
    """The names of what `variables/` holds, by key."""
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    objects = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH))
    attributes = [each for node in objects.nodes for each in node.attributes]
    names = {each.checkpoint_key: each.full_name for each in attributes}
    keys = saved_variables(folder).keys() - {_OBJECT_GRAPH}
    return {key: names.get(key, "of no name") for key in keys}


def _is_called(graph_name: str, name: str) -> bool:
    """Whether a variable of the graph has the name; of equal names the graph numbers the others."""
    return re.fullmatch(rf"{re.escape(name)}(_\d+)?", graph_name) is not None
