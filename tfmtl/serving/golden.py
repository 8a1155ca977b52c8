"""What the trained model answers: recorded with the export, so that it can be held to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmtl.serving.closeness import Rounding, deviation
from tfmtl.serving.prediction_logs import Answer, Record
from tfmtl.serving.signatures import Servable
from tfmtl.serving.trial_requests import (
    Request,
    edge_rows,
    extreme_rows,
    joined,
    request_of,
    row_columns,
    sample_request,
    tensors,
)

GOLDEN_FILE = "golden_answers"

_CANDIDATES = 3  # Rows that make one list, where a signature takes lists.
_TOLERANCE = 1e-6  # Rows whose answer is less sure are no measure.


def trial_rows(
    servable: Servable,
    sample_rows: Mapping[str, np.ndarray] | None = None,
    exported: Servable | None = None,
    tolerance: float = _TOLERANCE,
) -> Request:
    """The rows that a model is tried with: of data, and such as are unlike any.

    Those are rows of nothing, of unknown ids, of NaN and of extreme numbers, as far as the model
    takes them.

    Args:
        servable: The trained model.
        sample_rows: Rows of data, raw columns by name.
        exported: What is exported, if that is not the trained model itself. Extreme numbers make
            much of how its embeddings are rounded: a row that has them, and where that counts for
            more than the tolerance, is left out.
        tolerance: That one.
    """
    columns = row_columns(servable.inputs)
    rows = [row for row in edge_rows(columns) if _is_taken(servable, row)]
    if sample_rows:
        rows.insert(0, sample_request(columns, sample_rows))
    extremes = [row for row in extreme_rows(columns) if _is_taken(servable, row)]
    if exported is not None:
        extremes = [row for row in extremes if _is_kept(servable, exported, row, tolerance)]
    return joined([*rows, *(row for row in extremes if not rows or _is_sure(servable, row, rows))])


def record_answers(servable: Servable, rows: Request) -> list[Record]:
    """The answers of a trained model to rows, a record for each signature."""
    return [_recorded(servable, signature, rows) for signature in servable.signatures]


def _recorded(servable: Servable, signature: str, rows: Request) -> Record:
    request = _request(servable, signature, rows)
    return Record(signature, request, _ask(servable, signature, request))


def _request(servable: Servable, signature: str, rows: Request) -> Request:
    inputs = servable.inputs[signature]
    return request_of(signature, inputs, rows, _CANDIDATES, servable.joined)


def _is_taken(servable: Servable, row: Request) -> bool:
    """Whether the trained model itself takes the row, whichever signature is asked."""
    try:
        for signature in servable.signatures:
            _ask(servable, signature, _request(servable, signature, row))
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _is_sure(servable: Servable, row: Request, others: Sequence[Request]) -> bool:
    """Whether the answer to a row is more than what rounding leaves of numbers too large."""
    # It comes first, and fills a list where rows make lists.
    together = joined([*[row] * _CANDIDATES, *others])
    for signature in servable.signatures:
        alone = _ask(servable, signature, _request(servable, signature, row))
        among = _ask(servable, signature, _request(servable, signature, together))
        for name, value in alone.items():
            if np.any(deviation(name, value[:1], among[name][:1]) > _TOLERANCE):
                return False
    return True


def _is_kept(servable: Servable, exported: Servable, row: Request, tolerance: float) -> bool:
    """Whether an export in fewer bytes gives the trained model's answer to the row."""
    for signature in servable.signatures:
        request = _request(servable, signature, row)
        answer, other = (_ask(each, signature, request) for each in (servable, exported))
        for name, value in answer.items():
            if np.any(deviation(name, value, other[name], Rounding.STORAGE) > tolerance):
                return False
    return True


def _ask(servable: Servable, signature: str, request: Request) -> Answer:
    # On the CPU, as the fresh process: a GPU may multiply in a lower precision.
    with tf.device("/CPU:0"):
        outputs = servable.signatures[signature](tensors(request))
    return {name: value.numpy() for name, value in outputs.items()}
