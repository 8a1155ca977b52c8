"""The roads by which an export may be asked, and how long an answer takes on each.

    c_runtime   TensorFlow's C library: nothing but the model is timed
    grpc, rest  the development server, by the client's code: what requests and answers are made of,
                the way, and the server's part are timed as well

The road takes a process of its own each time, so that a first request is a first one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path

import tensorflow as tf

from tfmtl.errors import ExportError, ServingError
from tfmtl.serving.client.asking import Asked
from tfmtl.serving.client.transport import transport_to
from tfmtl.serving.extra import check_extra
from tfmtl.serving.fresh_process import ask
from tfmtl.serving.prediction_logs import Record, request_bytes
from tfmtl.serving.saved_graph import SavedGraph
from tfmtl.serving.server_process import MODEL, serving

C_RUNTIME, GRPC, REST = "c_runtime", "grpc", "rest"
ROADS = (C_RUNTIME, GRPC, REST)

_TIMEOUT = 300.0  # Seconds of a request.

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Workload:
    """How an export is asked.

    Args:
        threads: How many threads an operation, and how many operations at once; 0 leaves it to
            TensorFlow.
        clients: How many ask at the same time.
        times: How many requests of each client are timed.
    """

    threads: int
    clients: int
    times: int


@dataclasses.dataclass(frozen=True)
class Times:
    """What was measured in one process.

    Args:
        cold_ms: Milliseconds of the first request.
        ms: Milliseconds of each that was timed, which neither the first nor the second is.
        all_ms: Milliseconds from the first of these to the last.
        load_ms: Milliseconds to load the model; None where nothing tells.
        memory_bytes: Of the process at its end; None where nothing tells.
    """

    cold_ms: float
    ms: list[float]
    all_ms: float
    load_ms: float | None = None
    memory_bytes: int | None = None


def chosen(wanted: Sequence[str]) -> Sequence[str]:
    """The roads that are wanted; by default all that can be gone.

    Raises:
        ExportError: If there is no such road.
        ServingError: If one that is wanted needs the extra `serving`, which is missing.
    """
    if unknown := [road for road in wanted if road not in ROADS]:
        raise ExportError(
            f"A road to measure should be one of {', '.join(ROADS)}. Received: `{unknown[0]}`."
        )
    try:
        if set(wanted) != {C_RUNTIME}:
            check_extra()
    except ServingError as error:
        if wanted:
            raise
        _log.warning("Only the C runtime is measured. %s", error)
        return (C_RUNTIME,)
    return wanted or ROADS


def times_of(
    road: str, folder: Path, graph: SavedGraph, request: Record, workload: Workload
) -> Times:
    """How long an export's answers to a request take on a road.

    Args:
        road: One of `ROADS`.
        folder: The version's folder.
        graph: Its graph.
        request: What to ask.
        workload: How.

    Raises:
        ExportError: With what the C runtime said, if it failed.
        ServingError: With what the server said, if it failed.
    """
    if road == C_RUNTIME:
        return _in_c_runtime(folder, graph, request, workload)
    return _through_server(road, folder, graph, request, workload)


def bytes_of(road: str, request: Record) -> int:
    """The size of a request on a road; in the C runtime, which has none, as over gRPC."""
    if road != REST:
        return request_bytes(request, MODEL)
    from tfmtl.serving.client.over_rest import body_of  # Needs the extra.

    return len(body_of(request.signature, request.inputs))


def _in_c_runtime(folder: Path, graph: SavedGraph, request: Record, workload: Workload) -> Times:
    session = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=workload.threads, inter_op_parallelism_threads=workload.threads
    )
    told = ask(
        *(folder, graph, [request]),
        session=b64encode(session.SerializeToString()).decode("ascii"),
        times=workload.times,
        clients=workload.clients,
    )
    (answer,) = told["answers"]
    return Times(
        *(answer["ms"][0], answer["more_ms"], answer["all_ms"]),
        told["load_ms"],
        told["memory_bytes"],
    )


def _through_server(
    road: str, folder: Path, graph: SavedGraph, request: Record, workload: Workload
) -> Times:
    outputs = graph.signatures[request.signature].outputs
    asked = Asked(MODEL)
    with (
        serving(folder, road == REST, workload.threads) as address,
        contextlib.closing(transport_to(address)) as transport,
    ):
        transport.signatures(asked, _TIMEOUT)  # Opens a connection, which is not timed.

        def ask_once() -> None:
            transport.predict(asked, request.signature, request.inputs, outputs, _TIMEOUT)

        return _times(ask_once, workload)


def _times(ask_once: Callable[[], None], workload: Workload) -> Times:
    start, end = _span(ask_once)
    ended = threading.Event()

    def ask_often() -> list[tuple[float, float]]:
        ask_once()  # Opens the client's own connection, over REST.
        turns = itertools.takewhile(lambda _: not ended.is_set(), range(workload.times))
        return [_span(ask_once) for _ in turns]

    with futures.ThreadPoolExecutor(workload.clients) as pool:
        clients = [pool.submit(ask_often) for _ in range(workload.clients)]
        try:
            futures.wait(clients, return_when=futures.FIRST_EXCEPTION)
        finally:  # If one fails, or this is interrupted, the others should not go on to their end.
            ended.set()
    spans = [span for each in clients for span in each.result()]
    starts, ends = zip(*spans, strict=True)
    return Times(
        cold_ms=1000 * (end - start),
        ms=[1000 * (end - start) for start, end in spans],
        all_ms=1000 * (max(ends) - min(starts)),
    )


def _span(ask_once: Callable[[], None]) -> tuple[float, float]:
    """When a request began and when it was answered, in seconds."""
    start = time.perf_counter()
    ask_once()
    return start, time.perf_counter()
