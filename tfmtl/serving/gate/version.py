"""A version under the gate: what rules look at, each read once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfmtl.errors import ExportError
from tfmtl.serving.embedding_storage import FLOAT32, EmbeddingStorage
from tfmtl.serving.golden import GOLDEN_FILE
from tfmtl.serving.manifest import EXTRA_FOLDER, MANIFEST_FILE, read_manifest, read_pipeline
from tfmtl.serving.prediction_logs import Record, read_records
from tfmtl.serving.saved_graph import SavedGraph
from tfmtl.serving.warmup import WARMUP_FILE


class Version:
    """An exported model.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @functools.cached_property
    def graph(self) -> SavedGraph:
        """Its graph."""
        return SavedGraph(self.folder)

    @functools.cached_property
    def asked_ops(self) -> set[str]:
        """The operations that run when its signatures are asked."""
        return {node.op for node in self.graph.asked_nodes()}

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        """What it tells of itself."""
        self._check_there(MANIFEST_FILE)
        return read_manifest(self.folder)

    @functools.cached_property
    def storage(self) -> EmbeddingStorage:
        """How its config says that embedding tables are stored."""
        pipeline = read_pipeline(self.folder)
        return FLOAT32 if pipeline is None else pipeline.export_config.embedding_storage

    @functools.cached_property
    def warmup(self) -> list[Record]:
        """Its warm-up requests."""
        return self._records(WARMUP_FILE)

    @functools.cached_property
    def golden(self) -> list[Record]:
        """The trained model's answers."""
        return self._records(GOLDEN_FILE)

    def extra(self, name: str) -> Path:
        """A file of `assets.extra`."""
        return self.folder / EXTRA_FOLDER / name

    def _records(self, name: str) -> list[Record]:
        self._check_there(name)
        return read_records(self.extra(name))

    def _check_there(self, name: str) -> None:
        if problem := lack_of(self.folder, f"{EXTRA_FOLDER}/{name}"):
            raise ExportError(problem)


def lack_of(folder: Path, name: str) -> str:
    """What is wrong with a file of a version that is missing or empty; otherwise nothing."""
    path = folder / name
    if path.is_file() and path.stat().st_size:
        return ""
    what = "an empty file" if path.is_file() else "no such file"
    return f"A version should have the file `{name}`. Received: {what}."


# Yields each problem in one sentence.
Rule = Callable[[Version], Iterator[str]]
