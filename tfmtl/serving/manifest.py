"""`assets.extra/tfmtl_export.json`: what an export is, for people, for other programs and the gate.

Servers leave `assets.extra` out of account.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import json_format, text_format

from tfmtl import config
from tfmtl.config.wording import on_one_line
from tfmtl.errors import ExportError
from tfmtl.features import Columns
from tfmtl.features.fingerprints import fingerprints
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.embedding_storage import FLOAT32, TOLERANCES, EmbeddingStorage
from tfmtl.serving.joined_inputs import JOINED, JoinedCells
from tfmtl.serving.saved_graph import GRAPH_FILE, SavedGraph, shape_of
from tfmtl.tasks import Task

EXTRA_FOLDER = "assets.extra"
MANIFEST_FILE = "tfmtl_export.json"
FINGERPRINT_FILE = "fingerprint.pb"
TOLERANCE = TOLERANCES[FLOAT32]

# What the gate reads of it, and what that is.
_READ: dict[str, type | tuple[type, ...]] = {
    "versions": dict,
    "signatures": dict,
    "unread_inputs": list,
    "tolerance": (int, float),
}
_LIBRARIES = ("tfmtl", "tensorflow", "tf_keras", "tensorflow-recommenders", "protobuf", "numpy")
_BLOCK = 1 << 20  # Bytes that are read at once.
_RAM_OF_DISK = 1.2  # TensorFlow Serving's own estimate of what a version needs.
_VERSIONS_WHILE_SWAPPED = 2


def manifest(
    folder: Path,
    pipeline: Pipeline,
    columns: Columns,
    tasks: Sequence[Task],
    unread_inputs: Collection[str] = (),
    metrics: Mapping[str, Any] | None = None,
    recorded_rows: int = 0,
    joined: JoinedCells | None = None,
) -> dict[str, Any]:
    """What there is to tell of an export, as JSON.

    Args:
        folder: The version, with its graph and all that is large.
        pipeline: The resolved config.
        columns: The encoder.
        tasks: The tasks.
        unread_inputs: Inputs that are declared and not read.
        metrics: What the model's last evaluation found, if there was one.
        recorded_rows: How many of the rows that the model's answers are recorded to are of data:
            the first of them.
        joined: How rows are texts, if the export takes such.
    """
    graph = SavedGraph(folder)
    return {
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "versions": {**_versions(), **graph_versions(graph)},
        "signatures": signatures_told(graph),
        "unread_inputs": sorted(unread_inputs),
        JOINED: dataclasses.asdict(joined) if joined else None,
        "embedding_storage": EmbeddingStorage.Name(pipeline.export_config.embedding_storage),
        "tolerance": TOLERANCES[pipeline.export_config.embedding_storage],
        "recorded_rows": recorded_rows,
        "variables": saved_variables(folder),
        "size": _size(folder),
        "checksums": checksums(folder),
        "features": [_feature(columns, name) for name in columns.features],
        "fingerprints": fingerprints(pipeline),
        "tasks": [_task(task) for task in tasks],
        "metrics": dict(metrics) if metrics is not None else None,
        "config": json_format.MessageToDict(pipeline, preserving_proto_field_name=True),
    }


def write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    """Writes it to the version's folder."""
    path = folder / EXTRA_FOLDER / MANIFEST_FILE
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Reads it from the version's folder.

    Raises:
        ExportError: If it is no such file.
    """
    path = folder / EXTRA_FOLDER / MANIFEST_FILE
    try:
        told = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ExportError(f"`{path}` should be JSON. Received: {error}.") from error
    for name, kind in _READ.items():
        value = told.get(name) if isinstance(told, dict) else None
        if not isinstance(value, kind):
            raise ExportError(
                f"`{path}` should be what `tfmtl export` wrote. Received: {json.dumps(value)} as "
                f"`{name}`."
            )
    return dict(told)


def read_pipeline(folder: Path) -> Pipeline | None:
    """Reads an export's config, which is not checked: the files it names may be gone by now.

    Returns:
        The config; None if the export has none.

    Raises:
        ExportError: If it is no config.
    """
    path = folder / "assets" / config.SAVED
    if not path.is_file():
        return None
    try:
        return text_format.Parse(path.read_text("utf-8"), Pipeline())
    except (ValueError, text_format.ParseError) as error:
        raise ExportError(
            f"`assets/{config.SAVED}` should be what `tfmtl export` wrote. "
            f"Received: {on_one_line(str(error))}."
        ) from error


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the files that have none of their own, as variables and requests do, by path."""
    files = [
        folder / GRAPH_FILE,
        folder / FINGERPRINT_FILE,
        *sorted(path for path in (folder / "assets").rglob("*") if path.is_file()),
    ]
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files if path.is_file()}


def signatures_told(graph: SavedGraph) -> dict[str, Any]:
    """Every signature's inputs and outputs, with their types and shapes."""
    return {
        name: {"inputs": _tensors(each.inputs), "outputs": _tensors(each.outputs)}
        for name, each in sorted(graph.signatures.items())
    }


def graph_versions(graph: SavedGraph) -> dict[str, Any]:
    """Which TensorFlow made the graph, and the least that can run it."""
    return {
        "graph_tensorflow": graph.meta.meta_info_def.tensorflow_version,
        "graph_producer": graph.meta.graph_def.versions.producer,
        "graph_min_consumer": graph.meta.graph_def.versions.min_consumer,
    }


def saved_variables(folder: Path) -> dict[str, list[int]]:
    """The shapes of what `variables/` holds, by key."""
    listed = tf.train.list_variables(str(folder / "variables" / "variables"))
    return {name: list(shape) for name, shape in sorted(listed)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}}


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _tensors(infos: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"dtype": tf.as_dtype(info.dtype).name, "shape": shape_of(info)}
        for name, info in sorted(infos.items())
    }


def _size(folder: Path) -> dict[str, int]:
    """In bytes: on disk, in memory, and in memory while one version takes the place of another."""
    on_disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    in_memory = int(_RAM_OF_DISK * on_disk)
    return {
        "disk_bytes": on_disk,
        "memory_bytes": in_memory,
        "memory_bytes_while_swapped": _VERSIONS_WHILE_SWAPPED * in_memory,
    }


def _feature(columns: Columns, name: str) -> dict[str, Any]:
    feature = columns.features[name]
    return {
        "name": name,
        "kind": type(feature).__name__,
        "columns": [column.name for column in feature.columns],
    }


def _task(task: Task) -> dict[str, Any]:
    outputs = task.predictions(tf.zeros((1, task.units)))
    return {
        "name": task.name,
        "outputs": sorted(outputs),
        "calibration": task.calibration.as_json() if task.calibration else None,
    }
