"""Scores the rows of files, batch by batch, so that their size does not matter."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfmtl.data import Source, find_files, open_source, translate_errors
from tfmtl.data.columns import Column
from tfmtl.errors import DataError
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.serving.prediction_files import Values, check_prediction_path, prediction_file
from tfmtl.serving.predictor import Predictor


def score_files(
    predictor: Predictor,
    paths: str,
    output: Path,
    *,
    reserved: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    data_config: DatasetConfig | None = None,
) -> int:
    """Scores the rows of files and writes them in their order.

    Args:
        predictor: The model.
        paths: A comma-separated list of files, globs and directories. Labels may be absent.
        output: The file to write: CSV or Parquet, by its ending.
        reserved: Columns of the data to write as well, before the predictions. None writes all
            that `data_config` declares and the data has.
        outputs: Predictions to write. None writes all of them.
        data_config: How to read the files, if other than the training data.

    Returns:
        The number of rows.

    Raises:
        DataError: If the files cannot be read or the output cannot be written.
    """
    check_prediction_path(output)
    _check_is_no_input(output, paths)
    outputs = predictor.outputs if outputs is None else outputs
    _check_outputs(outputs, predictor.outputs)
    data_config = data_config or predictor.pipeline.data_config
    read = None if reserved is None else [*predictor.inputs, *reserved]
    source = open_source(data_config, paths, read, labels_required=False)
    return _score(predictor, source, output, _kept(source, reserved), outputs)


def _score(
    predictor: Predictor,
    source: Source,
    output: Path,
    reserved: Sequence[str],
    outputs: Sequence[str],
) -> int:
    rows = 0
    declared = {column.name: column for column in source.columns}
    with prediction_file(output) as file, translate_errors(source):
        for batch in source.dataset(predictor.batch_size):
            answer = predictor.answer(batch)
            columns = {name: _as_declared(declared[name], batch[name].numpy()) for name in reserved}
            file.write({**columns, **{name: answer[name] for name in outputs}})
            rows += _length(answer)
        if not rows:
            raise source.no_rows_error()
    source.tell_skipped()
    return rows


def _as_declared(column: Column, values: np.ndarray) -> Values:
    """Integer labels, which training reads as floats, as integers; missing ones as empty cells."""
    if column.is_target and column.kind.dtype.is_integer:
        return pd.array(values, dtype="Int64")
    return values


def _kept(source: Source, reserved: Sequence[str] | None) -> list[str]:
    """The columns to write as well. Only labels can be absent here."""
    present = [column.name for column in source.columns]
    for name in reserved or ():
        if name not in present:
            raise DataError(
                f"`reserved_cols` should name columns of the data: {', '.join(present)}. "
                f"Received: `{name}`."
            )
    return present if reserved is None else list(reserved)


def _check_is_no_input(output: Path, paths: str) -> None:
    inputs = [file.path for file in find_files(paths)]
    if output.exists() and any(
        os.path.exists(path) and os.path.samefile(path, output) for path in inputs
    ):
        raise DataError(
            "The file of predictions should be another than the data. "
            f"Received: `{output}` is both."
        )


def _check_outputs(asked: Sequence[str], known: Collection[str]) -> None:
    for name in asked:
        if name not in known:
            raise DataError(
                f"`output_cols` should name predictions of the model: {', '.join(known)}. "
                f"Received: `{name}`."
            )


def _length(answer: dict[str, np.ndarray]) -> int:
    return len(next(iter(answer.values())))
