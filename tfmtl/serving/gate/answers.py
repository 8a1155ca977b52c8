"""Does the export answer as the trained model does, whoever shares the batch?

Asked in a process that has only TensorFlow's C library, on a copy at another place. TensorFlow
Serving makes one batch of several requests, fills it up with rows, and may fill up lists of unequal
length with the first element; none of it may change an answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from tfmtl.errors import ExportError
from tfmtl.serving.closeness import Rounding, deviation
from tfmtl.serving.fresh_process import Answered, Replay, replay
from tfmtl.serving.gate.version import Version
from tfmtl.serving.manifest import TOLERANCE
from tfmtl.serving.prediction_logs import Answer, Record
from tfmtl.serving.saved_graph import shape_of
from tfmtl.serving.trial_requests import Request, taken

_PART_SIZES = (1, 2, 7)  # Rows of the parts in which a request is asked once more.
_REORDERED = 10  # How much more than the tolerance sums in another order may differ.
_PADDING = 2  # Elements by which lists are filled up.


@dataclasses.dataclass(frozen=True)
class Trial:
    """A request, what it should be answered, and what it is asked for.

    Args:
        record: The request and its expected answer.
        purpose: Why an answer should be as expected, in words.
        cut: Makes of the answer what is compared; by default all of it.
        as_trained: Whether the expected answer is that of the trained model to the same request.
            In other requests sums are taken in another order, as products of matrices of another
            size are, and rounding differs.
    """

    record: Record
    purpose: str
    cut: Callable[[Answer], Answer] = lambda answer: answer
    as_trained: bool = False


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was found by asking.

    Args:
        load_ms: Milliseconds to load the model.
        warmups: The warm-up requests and what came of them.
        trials: How many answers were compared.
        deviation: By how much at most an answer differs from the trained model's.
    """

    load_ms: float
    warmups: list[tuple[Record, Answered]]
    trials: int
    deviation: float


def check_answers(version: Version) -> Asked:
    """Asks all warm-up requests, and compares the recorded answers.

    Raises:
        ExportError: If the export cannot be loaded, does not answer, or answers otherwise.
    """
    trials = list(_trials(version, version.golden))
    warmups = version.warmup
    requests = [*warmups, *(trial.record for trial in trials)]
    told = replay(version.folder, version.graph, requests)
    _check_sameness(requests, told)
    answers = [answered.outputs for answered in told.answers[len(warmups) :]]
    for trial, answer in zip(trials, answers, strict=True):
        _check_text(trial.record.signature, answer)
    furthest = _check_as_trained(version, trials, answers)
    _check_alike(version, trials, answers)
    first = list(zip(warmups, told.answers[: len(warmups)], strict=True))
    return Asked(told.load_ms, first, len(trials), furthest)


def _check_as_trained(
    version: Version, trials: Sequence[Trial], answers: Sequence[Answer]
) -> float:
    """Compares with the trained model; returns by how much an answer differs at most."""
    tolerance = version.manifest["tolerance"]
    rounding = Rounding.STORAGE if tolerance > TOLERANCE else Rounding.SAME
    found = [
        _compare(trial, answer, tolerance, rounding)
        for trial, answer in zip(trials, answers, strict=True)
        if trial.as_trained
    ]
    return max(found, default=0.0)


def _check_alike(version: Version, trials: Sequence[Trial], answers: Sequence[Answer]) -> None:
    """Compares what the export itself answers to the same rows in other company."""
    own = [
        dataclasses.replace(trial.record, outputs=answer)
        for trial, answer in zip(trials, answers, strict=True)
        if trial.as_trained
    ]
    for trial, answer in zip(_trials(version, own), answers, strict=True):
        if not trial.as_trained:
            _compare(trial, answer, _REORDERED * TOLERANCE, Rounding.ORDER)


def _trials(version: Version, records: Iterable[Record]) -> Iterator[Trial]:
    for record in records:
        yield Trial(record, "as the trained model does", as_trained=True)
        yield Trial(_turned(record), "alike in whatever order the rows of a batch are")
        for size in _PART_SIZES:
            for part in _parts(record, size):
                yield Trial(part, "a row alike, whatever other rows are in its batch")
        yield from _padded(version, record)


def _turned(record: Record) -> Record:
    return _some(record, slice(None, None, -1))


def _parts(record: Record, size: int) -> Iterator[Record]:
    """The request in parts: all of its rows one by one, or its first rows by more."""
    starts = (
        range(0, record.rows, size) if size == 1 else range(0, min(record.rows, 2 * size), size)
    )
    for start in starts:
        yield _some(record, slice(start, start + size))


def _some(record: Record, rows: slice) -> Record:
    return Record(record.signature, taken(record.inputs, rows), taken(record.outputs, rows))


def _padded(version: Version, record: Record) -> Iterator[Trial]:
    """The request with its lists filled up, as a server does it, if it has lists of any length."""
    signature = version.graph.signatures[record.signature]
    inputs: Request = {}
    for name, value in record.inputs.items():
        shape = shape_of(signature.inputs[name]) or []
        inputs[name] = _filled_up(value, [axis is None for axis in shape])
    if any(inputs[name].shape != value.shape for name, value in record.inputs.items()):
        purpose = "alike where a server fills up lists, which it does with their first element"
        yield Trial(
            Record(record.signature, inputs, record.outputs), purpose, _cut_to(record.outputs)
        )


def _filled_up(value: np.ndarray, is_open: Sequence[bool]) -> np.ndarray:
    """A tensor longer in every axis of any length but the first, filled with its first element."""
    shape = [
        size + (_PADDING if axis and is_open[axis] else 0) for axis, size in enumerate(value.shape)
    ]
    filled = np.full(shape, value.flat[0], dtype=value.dtype)
    filled[tuple(slice(size) for size in value.shape)] = value
    return filled


def _cut_to(expected: Answer) -> Callable[[Answer], Answer]:
    def cut(answer: Answer) -> Answer:
        return {
            name: value[tuple(slice(size) for size in expected[name].shape)]
            if name in expected and value.ndim == expected[name].ndim
            else value
            for name, value in answer.items()
        }

    return cut


def _check_sameness(requests: Sequence[Record], told: Replay) -> None:
    for request, answered in zip(requests, told.answers, strict=True):
        if not answered.same:
            raise ExportError(
                f"Signature `{request.signature}` should answer the same when asked twice. "
                f"Received: another answer, to {request.rows} rows."
            )


def _check_text(signature: str, answer: Answer) -> None:
    """REST writes text as it is, and other bytes only of outputs whose name says so."""
    for name, value in answer.items():
        if value.dtype == object and not name.endswith("_bytes"):
            try:
                b"".join(value.ravel().tolist()).decode("utf-8")
            except UnicodeDecodeError as error:
                raise ExportError(
                    f"Output `{name}` of signature `{signature}` should be UTF-8, or its name end "
                    f"in `_bytes`. Received: {error}."
                ) from error


def _compare(trial: Trial, received: Answer, tolerance: float, rounding: Rounding) -> float:
    """Holds an answer to the expected one; returns by how much they differ at most."""
    expected, received = trial.record.outputs, trial.cut(received)
    if expected.keys() != received.keys():
        raise ExportError(
            f"Signature `{trial.record.signature}` should have the outputs {sorted(expected)}. "
            f"Received: {sorted(received)}."
        )
    found = [
        _compare_output(trial, name, wanted, received[name], tolerance, rounding)
        for name, wanted in expected.items()
    ]
    return max(found, default=0.0)


def _compare_output(
    trial: Trial,
    name: str,
    expected: np.ndarray,
    received: np.ndarray,
    tolerance: float,
    rounding: Rounding,
) -> float:
    rule = f"The export should answer {trial.purpose}. Output `{name}` of signature "
    rule = f"{rule}`{trial.record.signature}` should"
    if expected.shape != received.shape or expected.dtype.kind != received.dtype.kind:
        raise ExportError(
            f"{rule} be {expected.dtype} of the shape {expected.shape}. "
            f"Received: {received.dtype} {received.shape}."
        )
    deviations = deviation(name, expected, received, rounding)
    wrong = np.argwhere(deviations > tolerance)
    if len(wrong):
        place = tuple(wrong[0])
        inputs = trial.record.inputs.items()
        row = {column: values.tolist()[place[0]] for column, values in inputs}
        raise ExportError(
            f"{rule} be {expected[place]}. Received: {received[place]}, for the row {row}."
        )
    return float(deviations.max(initial=0.0))
