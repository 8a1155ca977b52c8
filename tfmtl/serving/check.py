"""Does the export answer as the trained model does? Asked in a process that has only TensorFlow.

A model that answers here, where it was trained, may still fail where it is served: by a Python
function in its graph, by a table that only the trainer fills, by a file that only this machine has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.errors import ExportError
from tfmtl.serving.signatures import Servable
from tfmtl.serving.trial_requests import Request, edge_rows, joined, sample_request, tensors

_REPLAY = Path(__file__).with_name("replay.py")
_TOLERANCE = 1e-5  # Of the answer, or of 1 if the answer is smaller.

Answer = dict[str, np.ndarray]  # Outputs by name.


def check_answers(
    folder: Path, servable: Servable, sample_rows: Mapping[str, np.ndarray] | None = None
) -> None:
    """Compares the answers of the SavedModel in `folder` with those of `servable`.

    Args:
        folder: What `tf.saved_model.save` wrote of `servable`.
        servable: The trained model.
        sample_rows: Rows of data, raw columns by name. Edge cases are always tried.

    Raises:
        ExportError: If the SavedModel cannot be loaded, does not answer, or answers otherwise.
    """
    requests = [
        (signature, request)
        for signature in servable.signatures
        for request in _requests(servable, signature, sample_rows)
    ]
    expected = [_ask(servable, signature, request) for signature, request in requests]
    received = replay(folder, requests)
    for (_, request), wanted, given in zip(requests, expected, received, strict=True):
        _compare(request, wanted, given)


def replay(folder: Path, requests: Sequence[tuple[str, Request]]) -> list[Answer]:
    """What the SavedModel in `folder` answers in a fresh process.

    Args:
        folder: The SavedModel.
        requests: Signatures and what to ask them.

    Raises:
        ExportError: With what the process said, if it failed.
    """
    with tempfile.TemporaryDirectory(prefix="tfmtl-check-") as scratch:
        plan, answers = Path(scratch, "plan.json"), Path(scratch, "answers.json")
        plan.write_text(json.dumps(_plan(folder, requests)), encoding="utf-8")
        _run_replay(plan, answers)
        return [_decoded_answer(answer) for answer in json.loads(answers.read_text("utf-8"))]


def _requests(
    servable: Servable, signature: str, sample_rows: Mapping[str, np.ndarray] | None
) -> list[Request]:
    """All rows at once, and the first one alone: an answer must not depend on the batch."""
    inputs = servable.inputs[signature]
    rows = [row for row in edge_rows(inputs) if _is_accepted(servable, signature, row)]
    if sample_rows:
        rows.insert(0, sample_request(inputs, sample_rows))
    if not rows:
        return []
    together = joined(rows)
    return [together, {name: column[:1] for name, column in together.items()}]


def _is_accepted(servable: Servable, signature: str, row: Request) -> bool:
    """Whether the trained model itself takes the row."""
    try:
        _ask(servable, signature, row)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _ask(servable: Servable, signature: str, request: Request) -> Answer:
    # On the CPU, as the fresh process: a GPU may multiply in a lower precision.
    with tf.device("/CPU:0"):
        outputs = servable.signatures[signature](tensors(request))
    return {name: value.numpy() for name, value in outputs.items()}


def _plan(folder: Path, requests: Sequence[tuple[str, Request]]) -> dict[str, Any]:
    return {
        "path": [entry for entry in sys.path if entry],
        "model": str(folder),
        "requests": [
            {
                "signature": signature,
                "inputs": {name: _encoded(column) for name, column in request.items()},
            }
            for signature, request in requests
        ],
    }


def _run_replay(plan: Path, answers: Path) -> None:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-I", str(_REPLAY), str(plan), str(answers)]
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
            "The export should load and answer in a process that has only TensorFlow. "
            f"It failed there: {said[0]}"
        )


def _encoded(column: np.ndarray) -> dict[str, Any]:
    if column.dtype == object:
        return {"dtype": "string", "values": [value.decode("latin-1") for value in column]}
    return {"dtype": column.dtype.name, "values": column.tolist()}


def _decoded_answer(answer: dict[str, Any]) -> Answer:
    return {name: np.array(value["values"], dtype=value["dtype"]) for name, value in answer.items()}


def _compare(request: Request, expected: Answer, received: Answer) -> None:
    if expected.keys() != received.keys():
        raise ExportError(
            f"The export should have the outputs {sorted(expected)}. Received: {sorted(received)}."
        )
    for name, wanted in expected.items():
        _compare_output(name, request, wanted, received[name])


def _compare_output(
    name: str, request: Request, expected: np.ndarray, received: np.ndarray
) -> None:
    if expected.shape != received.shape:
        raise ExportError(
            f"The export's output `{name}` should have the shape {expected.shape}, as the trained "
            f"model's. Received: {received.shape}."
        )
    equal = np.isclose(received, expected, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
    if equal.all():
        return
    place = tuple(np.argwhere(~equal)[0])
    row = {column: values[place[0]] for column, values in request.items()}
    raise ExportError(
        f"The export should answer as the trained model does. Output `{name}` should be "
        f"{expected[place]}. Received: {received[place]}, for the row {row}."
    )
