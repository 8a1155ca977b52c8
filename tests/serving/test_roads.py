"""By which roads `benchmark --serving` asks, and what is timed on those through a server."""

import contextlib
import itertools
import json
import logging
import socket
import subprocess
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from fake_model import PATIENCE, SIGNATURES, FakeModel, free_port, service_of, wait_for
from toy import toy_servable, write_version

from tfmtl.errors import ExportError, ServingError
from tfmtl.serving import roads, server_process
from tfmtl.serving.latency import measure
from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.roads import Workload, bytes_of, chosen, times_of
from tfmtl.serving.server import grpc_services
from tfmtl.serving.server.rest import RestServer
from tfmtl.serving.server_process import serving

ROOT = Path(__file__).parents[2]
GRAPH = types.SimpleNamespace(signatures=SIGNATURES)
REQUEST = Record("one", {"x": np.float32([[1, 2], [3, 4]])})


class Counting(FakeModel):
    """Keeps what it is asked."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def run(self, feeds, fetches, timeout=None):
        self.rows.append(next(iter(feeds.values())).tolist())
        return super().run(feeds, fetches, timeout)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Stands for the server's process: one in this process, which answers both ways."""
    model = Counting()
    service, _ = service_of(tmp_path / "m", model)
    rest = RestServer(service, "127.0.0.1", 0)
    threading.Thread(target=rest.serve_forever, args=(0.01,), daemon=True).start()
    address = f"127.0.0.1:{free_port()}"
    server = grpc_services.start(service, address, 3, None, [])

    @contextlib.contextmanager
    def started(folder, over_rest=False, threads=0):
        yield f"http://127.0.0.1:{rest.server_address[1]}" if over_rest else address

    monkeypatch.setattr(roads, "serving", started)
    monkeypatch.setattr(roads, "MODEL", "m")
    yield model
    server.stop(None).wait()
    rest.shutdown()
    rest.server_close()


@pytest.mark.parametrize("road", ["grpc", "rest"])
def test_each_client_asks_once_untimed_and_then_as_often_as_is_wanted(model, road, tmp_path):
    times = times_of(road, tmp_path, GRAPH, REQUEST, Workload(threads=0, clients=3, times=4))
    assert len(times.ms) == 3 * 4
    # The first of all, and the first of each client.
    assert model.rows == [[[1, 2], [3, 4]]] * (1 + 3 * (1 + 4))
    assert (times.load_ms, times.memory_bytes) == (None, None)


def test_times_are_those_of_the_clock(monkeypatch):
    seconds = itertools.chain([10, 10.5], [20, 20.001, 20.001, 20.004, 20.004, 20.006])
    monkeypatch.setattr(roads.time, "perf_counter", seconds.__next__)
    times = roads._times(lambda: None, Workload(threads=0, clients=1, times=3))
    np.testing.assert_allclose(times.ms, [1, 3, 2])
    np.testing.assert_allclose([times.cold_ms, times.all_ms], [500, 6])


def test_clients_end_with_the_first_that_fails():
    asked = itertools.count()
    together = threading.Barrier(2)

    def ask_once():
        number = next(asked)
        if number in (1, 2):
            together.wait(PATIENCE)
        if number == 2:
            raise ServingError("away")

    with pytest.raises(ServingError, match="away"):
        roads._times(ask_once, Workload(threads=0, clients=2, times=10**9))


def test_what_the_server_says_ends_the_measuring(model, tmp_path):
    wrong = Record("one", {"y": np.float32([1])})
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        times_of("grpc", tmp_path, GRAPH, wrong, Workload(threads=0, clients=1, times=1))


def test_a_request_has_its_size_on_the_road():
    body = json.dumps({"signature_name": "one", "inputs": {"x": [[1.0, 2.0], [3.0, 4.0]]}})
    assert bytes_of("rest", REQUEST) == len(body.replace(" ", ""))
    assert bytes_of("grpc", REQUEST) == bytes_of("c_runtime", REQUEST)


def test_all_roads_are_gone_unless_some_are_wanted():
    assert chosen([]) == ("c_runtime", "grpc", "rest")
    assert chosen(["rest"]) == ["rest"]


def test_an_unknown_road_is_told():
    with pytest.raises(ExportError) as error:
        chosen(["c_runtime", "carrier"])
    assert str(error.value) == (
        "A road to measure should be one of c_runtime, grpc, rest. Received: `carrier`."
    )


def test_without_the_extra_the_c_runtime_is_left_and_one_line_says_so(monkeypatch, caplog):
    def check_extra():
        raise ServingError("Missing: grpc.")

    monkeypatch.setattr(roads, "check_extra", check_extra)
    with caplog.at_level(logging.WARNING):
        assert chosen([]) == ("c_runtime",)
    assert caplog.messages == ["Only the C runtime is measured. Missing: grpc."]
    assert chosen(["c_runtime"]) == ["c_runtime"]
    with pytest.raises(ServingError, match="Missing: grpc."):
        chosen(["c_runtime", "rest"])


@pytest.fixture
def processes(monkeypatch):
    """The processes that are started, on ports that nobody takes meanwhile."""
    monkeypatch.setattr(server_process, "_free_port", free_port)
    started = []
    start = server_process.subprocess.Popen

    def popen(*args, **settings):
        started.append(start(*args, **settings))
        return started[-1]

    monkeypatch.setattr(server_process.subprocess, "Popen", popen)
    return started


def program(monkeypatch, text):
    """Runs some Python in the place of the server."""
    monkeypatch.setattr(
        server_process,
        "_command",
        lambda base, port, *settings: [server_process.sys.executable, "-c", text, str(port)],
    )


LISTENS = """
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.%s)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("Exporting HTTP/REST API at:127.0.0.1 ...", flush=True)
while True:
    server.accept()
"""


@pytest.mark.parametrize("when_told_to_end", ["SIG_DFL", "SIG_IGN"])
def test_the_process_ends_whatever_happens(monkeypatch, tmp_path, processes, when_told_to_end):
    program(monkeypatch, LISTENS % when_told_to_end)
    monkeypatch.setattr(server_process, "_GRACE", 0.1)
    with pytest.raises(KeyboardInterrupt), serving(tmp_path) as address:
        assert address.startswith("127.0.0.1:")
        raise KeyboardInterrupt
    (process,) = processes
    assert process.returncode == (-15 if when_told_to_end == "SIG_DFL" else -9)


def test_a_server_that_does_not_start_is_told_by_its_last_words(monkeypatch, tmp_path, processes):
    program(monkeypatch, "import sys; print('Loading.', flush=True); sys.exit('No port is free.')")
    with pytest.raises(ServingError) as error, serving(tmp_path):
        pass
    assert str(error.value) == (
        "The development server should listen. It ended with exit status 1: No port is free."
    )


def test_another_program_on_its_port_is_not_taken_for_the_server(monkeypatch, tmp_path):
    program(monkeypatch, "import sys, time; time.sleep(0.2); sys.exit('The port is taken.')")
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(server_process, "_free_port", lambda: other.getsockname()[1])
        with pytest.raises(ServingError, match=r"The port is taken\.$"), serving(tmp_path):
            pass


HOLDS = """
import pathlib, sys, time
from tfmtl.serving.server_process import serving
with serving(pathlib.Path(sys.argv[1])) as address:
    print(address, flush=True)
    time.sleep(600)
"""


def is_listened_to(address):
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_the_server_ends_with_a_process_that_is_killed(tmp_path):
    write_version(toy_servable(), tmp_path / "1", recorded_rows=5)
    command = [server_process.sys.executable, "-c", HOLDS, str(tmp_path / "1")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        assert is_listened_to(address)
        process.kill()
    wait_for(lambda: not is_listened_to(address))


@pytest.mark.slow
def test_the_development_server_is_asked_by_both_roads(tmp_path, processes):
    # Of two versions in a folder that one is served which is measured.
    write_version(toy_servable(), tmp_path / "1", recorded_rows=5)
    (tmp_path / "2").mkdir()
    figures = measure([tmp_path / "1"], ["rank"], [3], clients=[2], requests=6)
    assert [each["road"] for each in figures] == ["c_runtime", "grpc", "rest"]
    for each in figures:
        assert each["requests"] == 2 * 3
        assert 0 < each["p50_ms"] <= each["p99_ms"]
        assert each["cold_ms"] > 0
    assert [each["load_ms"] is None for each in figures] == [False, True, True]
    assert all(process.poll() is not None for process in processes)
