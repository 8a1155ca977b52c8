"""Several requests in one batch, as TensorFlow Serving's `batching_session.cc` makes it.

The request that opens a batch runs it, after the others had time to join. So a batch waits for no
thread of its own, and a request that is alone with `batch_timeout_micros: 0` waits for nothing.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence

import numpy as np

from tfmtl.protos.batching_parameters_pb2 import BatchingParameters
from tfmtl.serving.server import statuses
from tfmtl.serving.server.batch import Batch, Feeds, rows_of

Run = Callable[[Feeds, Sequence[str], float | None], list[np.ndarray]]

_MAX_BATCH_SIZE = 1000
_MAX_ENQUEUED_BATCHES = 10


@dataclasses.dataclass(frozen=True)
class Limits:
    """How batches are made.

    Args:
        request: The most rows of a request.
        batch: The most rows of a batch.
        wait: Seconds that a batch waits to be filled.
        batches: How many of a signature may wait.
        sizes: What batches are filled up to; none leaves them as they are.
    """

    request: int = _MAX_BATCH_SIZE
    batch: int = _MAX_BATCH_SIZE
    wait: float = 0.0
    batches: int = _MAX_ENQUEUED_BATCHES
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(cls, parameters: BatchingParameters) -> Limits:
        """Those of a server's file."""
        given = {
            name: getattr(parameters, name).value
            for name in ("max_batch_size", "max_execution_batch_size", "max_enqueued_batches")
            if parameters.HasField(name)
        }
        request = given.get("max_batch_size", _MAX_BATCH_SIZE)
        splits = parameters.enable_large_batch_splitting.value
        return cls(
            request,
            given.get("max_execution_batch_size", request) if splits else request,
            parameters.batch_timeout_micros.value / 1e6,
            given.get("max_enqueued_batches", _MAX_ENQUEUED_BATCHES),
            tuple(parameters.allowed_batch_sizes),
        )


class Batcher:
    """Runs requests that come at the same time together.

    Args:
        run: Runs a batch.
        limits: How batches are made.
        places: As many as batches may be run at once, of all models.
    """

    def __init__(self, run: Run, limits: Limits, places: threading.Semaphore) -> None:
        self._run = run
        self._limits = limits
        self._places = places
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, ...], list[Batch]] = {}

    def run(
        self, feeds: Feeds, fetches: Sequence[str], timeout: float | None = None
    ) -> list[np.ndarray]:
        """The tensors of these names, of these rows alone.

        Args:
            feeds: Tensors by name.
            fetches: Names of tensors.
            timeout: Seconds that the model may take.

        Raises:
            Failure: If they cannot be run in a batch, or the batch cannot be run.
        """
        rows, most = rows_of(feeds), self._limits.batch
        if rows > self._limits.request:
            raise statuses.invalid(
                f"Task size {rows} is larger than maximum input batch size {self._limits.request}"
            )
        if rows <= most:
            return self._joined(feeds, fetches, timeout)
        parts = [
            self._joined(_taken(feeds, slice(start, start + most)), fetches, timeout)
            for start in range(0, rows, most)
        ]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _joined(
        self, feeds: Feeds, fetches: Sequence[str], timeout: float | None
    ) -> list[np.ndarray]:
        """What is answered in a batch with others."""
        key = (*sorted(feeds), "->", *fetches)
        with self._lock:
            batch, is_new = self._place(key, rows_of(feeds))
            index = batch.add(feeds, timeout, self._limits.batch)
        if is_new:
            self._lead(batch, key, fetches)
        batch.done.wait()
        return batch.part(index)

    def _place(self, key: tuple[str, ...], rows: int) -> tuple[Batch, bool]:
        """The batch to join, and whether it is a new one, which has to be run."""
        waiting = self._waiting.setdefault(key, [])
        if waiting and waiting[-1].rows + rows <= self._limits.batch:
            return waiting[-1], False
        if waiting:
            waiting[-1].full.set()
        if len(waiting) >= self._limits.batches:
            raise statuses.unavailable(
                "The batch scheduling queue to which this task was submitted is full; currently "
                f"{len(waiting)} batches enqueued and max_enqueued_batches is "
                f"{self._limits.batches}"
            )
        waiting.append(Batch())
        return waiting[-1], True

    def _lead(self, batch: Batch, key: tuple[str, ...], fetches: Sequence[str]) -> None:
        batch.full.wait(self._limits.wait)
        with self._places:
            with self._lock:  # Nobody joins any more.
                self._waiting[key].remove(batch)
            batch.run(lambda feeds, timeout: self._run(feeds, fetches, timeout), self._limits.sizes)


def _taken(feeds: Feeds, rows: slice) -> Feeds:
    return {name: each[rows] for name, each in feeds.items()}
