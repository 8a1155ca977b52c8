"""The development server in a process of its own, for as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tfmtl.errors import ServingError

MODEL = "model"  # What the server calls the export.

_HOST = "127.0.0.1"
_GRPC_FLAG, _REST_FLAG = "--port", "--rest_api_port"
_LISTENS = ("Running gRPC ModelServer at", "Exporting HTTP/REST API at")  # What it says then.
_PAUSE = 0.05  # Seconds between looks whether it does.
_GRACE = 10.0  # Seconds in which it should end by itself.


@contextlib.contextmanager
def serving(folder: Path, over_rest: bool = False, threads: int = 0) -> Iterator[str]:
    """Serves an export, which is not warmed up, on a port that was free.

    Args:
        folder: The version's folder.
        over_rest: Whether it is asked over REST, and not over gRPC.
        threads: Of an operation, and operations at once; 0 leaves it to TensorFlow.

    Yields:
        The address, as the client takes it.

    Raises:
        ServingError: If the server ends before it listens, with what it said last.
    """
    with tempfile.TemporaryDirectory(prefix="tfmtl-serve-") as scratch:
        base, log, port = Path(scratch, "versions"), Path(scratch, "log"), _free_port()
        base.mkdir()
        # A version by itself: its folder may hold others, and its own name need be no number.
        (base / "1").symlink_to(folder.absolute(), target_is_directory=True)
        command = _command(base, port, over_rest, threads)
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        with (
            log.open("wb") as file,
            # A pipe that ends with this process, even if it is killed: the server is to end, too.
            subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file
            ) as process,
        ):
            try:
                _wait_for(process, log)
                yield f"http://{_HOST}:{port}" if over_rest else f"{_HOST}:{port}"
            finally:
                _end(process)


def _command(base: Path, port: int, over_rest: bool, threads: int) -> list[str]:
    used, unused = (_REST_FLAG, _GRPC_FLAG) if over_rest else (_GRPC_FLAG, _REST_FLAG)
    return [
        *(sys.executable, "-m", "tfmtl.serve", "--host", _HOST, used, str(port), unused, "0"),
        *("--model_name", MODEL, "--model_base_path", str(base)),
        *("--file_system_poll_wait_seconds", "0", "--enable_model_warmup", "false"),
        *("--tensorflow_session_parallelism", str(threads), "--end_with_stdin"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until it listens, which it does when the model is loaded, however long that takes."""
    while process.poll() is None:
        # Its own word: on the port another program may have begun to listen.
        if any(words in log.read_text("utf-8", "replace") for words in _LISTENS):
            return
        time.sleep(_PAUSE)
    said = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    raise ServingError(
        "The development server should listen. "
        f"It ended with exit status {process.returncode}: {''.join(said)}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
