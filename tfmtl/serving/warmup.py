"""The warm-up file of an export: requests that a server makes to itself before it takes others.

TensorFlow Serving reads `assets.extra/tf_serving_warmup_requests` when it loads a version. Without
them the first requests of users wait for the graph to be prepared; a request in it that fails makes
the version fail to load.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.signatures import Servable
from tfmtl.serving.trial_requests import Request, request_of, taken

WARMUP_FILE = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 16, 128)


def warmup_requests(
    servable: Servable, rows: Request, batch_sizes: Sequence[int] = BATCH_SIZES
) -> list[Record]:
    """Requests to every signature, of every number of rows.

    Args:
        servable: The model.
        rows: What they are made of, over and over. Where a signature takes lists of candidates, a
            request is one list of that many.
        batch_sizes: Numbers of rows.
    """
    return [
        Record(signature, request_of(signature, inputs, _rows(rows, size), size, servable.joined))
        for signature, inputs in servable.inputs.items()
        for size in sorted(set(batch_sizes or BATCH_SIZES))
    ]


def _rows(rows: Request, count: int) -> Request:
    return taken(rows, np.arange(count) % len(next(iter(rows.values()))))
