"""Rows of a pipeline's own data, to try an export with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmtl import config as configs
from tfmtl.data import open_source, translate_errors
from tfmtl.errors import DataError
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.tasks import build_score

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

_ROWS = 64


def sample_rows(
    pipeline: Pipeline, columns: Sequence[str], data: pd.DataFrame | None = None
) -> dict[str, np.ndarray] | None:
    """The first rows of the evaluation data, or of the training data where there is none.

    Args:
        pipeline: Says where the data is.
        columns: The columns to read, beside those of the score.
        data: Rows to take instead.

    Returns:
        Raw columns by name; None if the data cannot be read, on a machine that only exports.
    """
    score = build_score(pipeline)
    path = configs.eval_files(pipeline) or configs.train_files(pipeline)
    columns = list(dict.fromkeys([*columns, *(score.columns if score is not None else [])]))
    try:
        return _first_rows(pipeline, path if data is None else data, columns)
    except DataError as error:
        _log.warning("The export is tried with made-up rows only. %s", error)
        return None


def _first_rows(
    pipeline: Pipeline, data: str | pd.DataFrame, columns: Sequence[str]
) -> dict[str, np.ndarray] | None:
    source = open_source(pipeline.data_config, data, columns, labels_required=False)
    with translate_errors(source):
        batch = next(iter(source.dataset(_ROWS)), None)
    return batch and {name: column.numpy() for name, column in batch.items()}
