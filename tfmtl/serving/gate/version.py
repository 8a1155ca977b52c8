"""A version under the gate: what rules look at, each read once."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfmtl.errors import ExportError
from tfmtl.serving.golden import GOLDEN_FILE
from tfmtl.serving.manifest import EXTRA_FOLDER, MANIFEST_FILE
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
        path = self.extra(MANIFEST_FILE)
        try:
            told: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return told
        except ValueError as error:
            raise ExportError(f"`{path}` should be JSON. Received: {error}.") from error

    @functools.cached_property
    def warmup(self) -> list[Record]:
        """Its warm-up requests."""
        return read_records(self.extra(WARMUP_FILE))

    @functools.cached_property
    def golden(self) -> list[Record]:
        """The trained model's answers."""
        return read_records(self.extra(GOLDEN_FILE))

    def extra(self, name: str) -> Path:
        """A file of `assets.extra`."""
        return self.folder / EXTRA_FOLDER / name


# Yields each problem in one sentence.
Rule = Callable[[Version], Iterator[str]]
