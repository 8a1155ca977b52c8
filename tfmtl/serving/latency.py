"""How fast exports answer, and what they take, in TensorFlow's C library and through a server.

All that is to be measured takes its turns in several rounds, so that a machine that gets slower
slows all. `roads` tells what is timed.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.errors import ExportError
from tfmtl.serving.gate.version import Version
from tfmtl.serving.joined_inputs import JoinedCells
from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.roads import Times, Workload, bytes_of, chosen, times_of
from tfmtl.serving.saved_graph import shape_of
from tfmtl.serving.signatures import EXAMPLES, RANK, SERVING_DEFAULT
from tfmtl.serving.trial_requests import Request, request_of, taken

ROUNDS = 3
SIGNATURES = (SERVING_DEFAULT, RANK, EXAMPLES)

_PERCENTILES = (50, 90, 99)


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured.

    Args:
        export: The version's folder.
        signature: What of it is asked.
        rows: How many rows a request has; of `rank`, candidates of one user.
        threads: How many threads an operation, and how many operations at once; 0 leaves it to
            TensorFlow.
        clients: How many ask at the same time.
        road: How it is asked.
    """

    export: Path
    signature: str
    rows: int
    threads: int
    clients: int
    road: str


def measure(
    exports: Sequence[Path],
    signatures: Sequence[str] = (),
    rows: Sequence[int] = (1, 100, 500),
    threads: Sequence[int] = (0,),
    clients: Sequence[int] = (1,),
    requests: int = 300,
    roads: Sequence[str] = (),
    on_round: Callable[[int], None] = lambda number: None,
) -> list[dict[str, Any]]:
    """Measures exports side by side.

    Args:
        exports: The versions' folders.
        signatures: What to ask, where an export has it; by default those of `SIGNATURES`.
        rows: Numbers of rows of a request.
        threads: Numbers of threads.
        clients: Numbers of clients.
        requests: How many requests of each kind are timed.
        roads: How to ask, of `roads.ROADS`; by default all that can be gone.
        on_round: Is told the number of each round before it begins.

    Returns:
        For each case its settings, bytes, milliseconds and speeds, as JSON takes them.

    Raises:
        ExportError: If an export is none or has no such signature, or there is no such road.
        ServingError: If the server cannot be started or asked.
    """
    ways, opened = chosen(roads), {folder: _Asked(folder) for folder in exports}
    cases = [
        Case(folder, signature, *settings, road)
        for settings in itertools.product(rows, threads, clients)
        for signature in _found(opened, signatures)
        for road in ways
        for folder, each in opened.items()
        if signature in each.signatures
    ]
    times: dict[Case, list[Times]] = {case: [] for case in cases}
    for number in range(ROUNDS):
        on_round(number)
        for case in cases:
            times[case].append(opened[case.export].times(case, -(-requests // ROUNDS)))
    return [_figures(case, opened[case.export], times[case]) for case in cases]


def _found(exports: Mapping[Path, _Asked], wanted: Sequence[str]) -> list[str]:
    """The signatures to ask."""
    known = {signature for each in exports.values() for signature in each.signatures}
    if unknown := [name for name in wanted if name not in known]:
        names = ", ".join(f"`{name}`" for name in sorted(known))
        raise ExportError(
            f"A signature to measure should be one of the export's: {names}. "
            f"Received: `{unknown[0]}`."
        )
    return list(wanted) or [name for name in SIGNATURES if name in known]


class _Asked:
    """An export, and what it is asked."""

    def __init__(self, folder: Path) -> None:
        self._version = Version(folder)
        graph = self._version.graph
        self.signatures = {
            name: {key: _spec(key, info) for key, info in sorted(each.inputs.items())}
            for name, each in graph.signatures.items()
        }
        self._rows = _recorded_rows(self._version)
        self._joined = JoinedCells.of_manifest(self._version.manifest)
        self.disk_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def request(self, case: Case) -> Record:
        """One user's rows: of data, repeated as often as need be."""
        length = len(next(iter(self._rows.values())))
        order = np.arange(case.rows) % length
        of_user = {key for key, spec in self.signatures.get(RANK, {}).items() if _is_column(spec)}
        rows: Request = {
            name: column[np.zeros_like(order) if name in of_user else order]
            for name, column in self._rows.items()
        }
        inputs = self.signatures[case.signature]
        request = request_of(case.signature, inputs, rows, case.rows, self._joined)
        return Record(case.signature, request)

    def times(self, case: Case, count: int) -> Times:
        """How long that many such requests take, and no fewer."""
        workload = Workload(case.threads, case.clients, -(-count // case.clients))
        version = self._version
        return times_of(case.road, version.folder, version.graph, self.request(case), workload)


def _recorded_rows(version: Version) -> Request:
    """Rows of the data that the export was tried with; if there are none, those made up."""
    (record,) = (each for each in version.golden if each.signature == SERVING_DEFAULT)
    count = version.manifest.get("recorded_rows") or record.rows
    return taken(record.inputs, slice(count))


def _spec(name: str, info: Any) -> tf.TensorSpec:
    return tf.TensorSpec(shape_of(info), tf.as_dtype(info.dtype), name)


def _is_column(spec: tf.TensorSpec) -> bool:
    return spec.shape.rank == 1


def _figures(case: Case, export: _Asked, rounds: Sequence[Times]) -> dict[str, Any]:
    ms = [each for times in rounds for each in times.ms]
    seconds = sum(times.all_ms for times in rounds) / 1000
    p50, p90, p99 = np.percentile(ms, _PERCENTILES).tolist()
    return {
        **dataclasses.asdict(case),
        "export": str(case.export),
        "request_bytes": bytes_of(case.road, export.request(case)),
        "load_ms": _median([times.load_ms for times in rounds]),
        "cold_ms": _median([times.cold_ms for times in rounds]),
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
        "requests": len(ms),
        "requests_per_second": len(ms) / seconds,
        "rows_per_second": len(ms) * case.rows / seconds,
        "disk_bytes": export.disk_bytes,
        "memory_bytes": _median([times.memory_bytes for times in rounds]),
    }


def _median(values: Sequence[float | None]) -> float | None:
    """Of those that were told; None if none was."""
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None
