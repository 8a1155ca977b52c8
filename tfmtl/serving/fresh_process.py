"""What a SavedModel answers in a process that has nothing but TensorFlow's C library.

A model that answers where it was trained may still fail where it is served: by a Python function in
its graph, by a table that only the trainer fills, by a file that only this machine has. So it is
asked as a server would ask it, by `c_runtime.py`, and at another place than where it was written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.errors import ExportError
from tfmtl.serving.prediction_logs import Answer, Record
from tfmtl.serving.saved_graph import SavedGraph
from tfmtl.serving.versions import remove_tree, staging_path

_RUNTIME = Path(__file__).with_name("c_runtime.py")


@dataclasses.dataclass(frozen=True)
class Answered:
    """What came of one request.

    Args:
        outputs: Tensors by output.
        first_ms: Milliseconds until the answer.
        again_ms: Milliseconds until the answer when asked once more.
        same: Whether both answers were the same, bit by bit.
    """

    outputs: Answer
    first_ms: float
    again_ms: float
    same: bool


@dataclasses.dataclass(frozen=True)
class Replay:
    """What came of all requests, and the milliseconds it took to load the model."""

    load_ms: float
    answers: list[Answered]


def replay(folder: Path, graph: SavedGraph, requests: Sequence[Record]) -> Replay:
    """What the SavedModel in `folder` answers in a fresh process, from a copy elsewhere.

    Args:
        folder: The SavedModel.
        graph: Its graph.
        requests: What to ask; recorded answers are not looked at.

    Raises:
        ExportError: With what the process said, if it failed.
    """
    with _moved_copy(folder) as moved:
        return _replay_of(ask(moved, graph, requests), graph, requests)


def ask(
    folder: Path, graph: SavedGraph, requests: Sequence[Record], **settings: Any
) -> dict[str, Any]:
    """What `c_runtime.py` tells of the SavedModel in `folder`, as it stands there.

    Args:
        folder: The SavedModel.
        graph: Its graph.
        requests: What to ask.
        **settings: The plan's `session`, `times` and `clients`.

    Raises:
        ExportError: With what the process said, if it failed.
    """
    plan = {
        "libraries": str(Path(tf.__file__).parent),
        "model": str(folder),
        "requests": [_request(graph, request) for request in requests],
        **settings,
    }
    with tempfile.TemporaryDirectory(prefix="tfmtl-gate-") as scratch:
        plan_file, answers = Path(scratch, "plan.json"), Path(scratch, "answers.json")
        plan_file.write_text(json.dumps(plan), encoding="utf-8")
        _run(plan_file, answers)
        told: dict[str, Any] = json.loads(answers.read_text("utf-8"))
        return told


def _request(graph: SavedGraph, request: Record) -> dict[str, Any]:
    signature = graph.signatures[request.signature]
    return {
        "label": f"signature `{request.signature}`, {request.rows} rows",
        "feeds": [
            _encoded(signature.inputs[name].name, value) for name, value in request.inputs.items()
        ],
        "fetches": [signature.outputs[name].name for name in sorted(signature.outputs)],
    }


def _run(plan: Path, answers: Path) -> None:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    # Isolated and without site-packages: neither TensorFlow's Python nor tfmtl can be imported.
    command = [sys.executable, "-I", "-S", str(_RUNTIME), str(plan), str(answers)]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        # A Ctrl-C in the terminal is for the training, which ends the export first.
        start_new_session=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise ExportError(
            "The export should load and answer in a process that has only TensorFlow's C library. "
            f"It failed there: {said[0]}"
        )


def _replay_of(told: dict[str, Any], graph: SavedGraph, requests: Sequence[Record]) -> Replay:
    answers = zip(requests, told["answers"], strict=True)
    return Replay(told["load_ms"], [_answered(graph, *each) for each in answers])


def _answered(graph: SavedGraph, request: Record, answer: dict[str, Any]) -> Answered:
    names = sorted(graph.signatures[request.signature].outputs)
    outputs = dict(zip(names, map(_decoded, answer["outputs"]), strict=True))
    first_ms, again_ms = answer["ms"]
    return Answered(outputs, first_ms, again_ms, answer["same"])


def _encoded(name: str, value: np.ndarray) -> dict[str, Any]:
    is_text = value.dtype.kind in "OSU"
    dtype = tf.string if is_text else tf.as_dtype(value.dtype)
    told = {"name": name, "dtype": dtype.as_datatype_enum, "shape": list(value.shape)}
    if is_text:
        return {**told, "strings": [_text(tf.compat.as_bytes(each)) for each in value.ravel()]}
    return {**told, "data": _text(np.ascontiguousarray(value).tobytes())}


def _decoded(output: dict[str, Any]) -> np.ndarray:
    if "strings" in output:
        strings = np.array([b64decode(text) for text in output["strings"]] or [b""], dtype=object)
        return strings[: len(output["strings"])].reshape(output["shape"])
    dtype = tf.as_dtype(output["dtype"]).as_numpy_dtype
    return np.frombuffer(b64decode(output["data"]), dtype).reshape(output["shape"])


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


@contextlib.contextmanager
def _moved_copy(folder: Path) -> Iterator[Path]:
    """A copy elsewhere, of hard links where the file system has them, in folders nobody writes."""
    place = _new_folder_beside(folder)
    copy = place / "model"
    try:
        shutil.copytree(folder, copy, copy_function=_link)
        for each in (copy, *copy.rglob("*")):
            if each.is_dir():
                each.chmod(0o555)
        yield copy
    finally:
        remove_tree(place)


def _new_folder_beside(folder: Path) -> Path:
    """On the same file system, so that links do; elsewhere if nothing can be written there."""
    beside = staging_path(folder.absolute().parent, "gate")
    try:
        beside.mkdir()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="tfmtl-gate-"))
    return beside


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
