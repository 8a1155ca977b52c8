"""Scores rows with an exported model, as a server would."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl import config
from tfmtl.config.score import weight_input
from tfmtl.data import read_frame
from tfmtl.errors import ExportError
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.protos.score_pb2 import ScoreWeight
from tfmtl.serving.manifest import read_pipeline
from tfmtl.serving.signatures import SERVING_DEFAULT, WITH_WEIGHTS
from tfmtl.serving.versions import versions

_MODEL_FILE = "saved_model.pb"


class Predictor:
    """Scores rows with an exported model.

    Args:
        directory: A version's folder, or the folder of versions, of which the newest is taken.
        batch_size: Rows scored at once.
        score_weights: Values of the score's weights, by name; the others keep their defaults.

    Raises:
        ExportError: If there is no exported model, or its score has no such weight.

    Example:
    >>> predictor = Predictor("experiments/mmoe/export/final")
    >>> predictor.predict(pandas.DataFrame({"user_id": ["u1"], "item_id": ["i7"]}))
       logits_buy  logits_click  probs_buy  probs_click
    0   -2.197225     -0.405465        0.1          0.4
    """

    def __init__(
        self,
        directory: str | Path,
        batch_size: int = 4096,
        score_weights: Mapping[str, float] | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"`batch_size` should be at least 1. Received: {batch_size}.")
        self.batch_size = batch_size
        # The signature lives no longer than the model it came from.
        self.directory, self.pipeline, self._model = _opened(Path(directory))
        self._weights = _weight_inputs(self.pipeline, score_weights or {})
        self._signature = self._model.signatures[WITH_WEIGHTS if self._weights else SERVING_DEFAULT]

    @property
    def inputs(self) -> list[str]:
        """The columns that the model reads."""
        _, specs = self._signature.structured_input_signature
        return sorted(spec.name for spec in specs.values() if spec.name not in self._weights)

    @property
    def outputs(self) -> list[str]:
        """Names of what the model predicts."""
        return sorted(self._signature.structured_outputs)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Scores rows.

        Args:
            rows: The columns in `inputs`, others being left out of account. An empty cell means
                what it means to the config.

        Returns:
            The columns in `outputs`, with the index of `rows`. The cells of a task with several
            classes are arrays.

        Raises:
            DataError: If a column is missing, or holds what it should not.
        """
        raw = read_frame(self.pipeline.data_config, rows, self.inputs)
        starts = range(0, len(rows), self.batch_size)
        answers = [self.answer(_rows(raw, start, self.batch_size)) for start in starts]
        return pd.DataFrame(self._joined(answers), index=rows.index)

    def answer(self, batch: Mapping[str, tf.Tensor]) -> dict[str, np.ndarray]:
        """Scores a batch of raw columns; those that the model does not read are left out."""
        answer = self._signature(**{name: batch[name] for name in self.inputs}, **self._weights)
        return {name: answer[name].numpy() for name in self.outputs}

    def _joined(self, answers: list[dict[str, np.ndarray]]) -> dict[str, Any]:
        specs = self._signature.structured_outputs
        nothing = {name: np.empty(0, specs[name].dtype.as_numpy_dtype) for name in self.outputs}
        parts = answers or [nothing]
        return {name: _cells(np.concatenate([part[name] for part in parts])) for name in nothing}


def find_export(directory: Path) -> Path:
    """The folder of the exported model that a path means.

    Raises:
        ExportError: If it means none.
    """
    folder = directory
    while not (folder / _MODEL_FILE).is_file():
        looked, folder = folder, _newest(directory)
        if folder == looked:
            raise ExportError(
                f"`{directory}` should be an exported model or a folder of its versions. Received: "
                f"{'a folder without one' if directory.is_dir() else 'no folder'}. "
                "`tfmtl export` writes one."
            )
    return folder


def _rows(raw: Mapping[str, tf.Tensor], start: int, count: int) -> dict[str, tf.Tensor]:
    return {name: column[start : start + count] for name, column in raw.items()}


def _cells(values: np.ndarray) -> np.ndarray | list[np.ndarray]:
    """One cell for each row: `(rows,)` as it is, `(rows, classes)` as a list of arrays."""
    return values if values.ndim == 1 else list(values)


def _weight_inputs(pipeline: Pipeline, given: Mapping[str, float]) -> dict[str, tf.Tensor]:
    """The inputs of all weights of the score, one number for all rows; none if none is given."""
    weights = {weight.name: weight for weight in pipeline.model_config.score.weights}
    for name, value in given.items():
        if name not in weights:
            known = "; ".join(map(_described, weights.values())) or "none"
            raise ExportError(
                "`score_weights` should name weights of the model's score. "
                f"Received: `{name}`. Known: {known}."
            )
        if not math.isfinite(value):
            raise ExportError(
                f"`score_weights` should be finite numbers. Received: {name}={value}."
            )
    values = {name: given.get(name, math.nan) for name in weights} if given else {}
    return {weight_input(name): tf.constant([v], tf.float32) for name, v in values.items()}


def _described(weight: ScoreWeight) -> str:
    """A weight's name and default, and what it is for."""
    told = f" - {weight.description}" if weight.description else ""
    return f"{weight.name} ({weight.default_value:g}){told}"


def _newest(base: Path) -> Path:
    return next(reversed(versions(base)), base)


def _opened(directory: Path) -> tuple[Path, Pipeline, Any]:
    """The folder of the model that a path means, its config, and the model."""
    while True:
        folder = find_export(directory)
        try:
            return folder, _read_pipeline(folder), tf.saved_model.load(str(folder))
        except (OSError, tf.errors.OpError, ExportError):
            if folder.is_dir():
                raise
            # A training that goes on has removed it, with a newer one in its place.


def _read_pipeline(folder: Path) -> Pipeline:
    """The config of an export, which it must have."""
    pipeline = read_pipeline(folder)
    if pipeline is None:
        raise ExportError(
            f"`{folder}` should be a model that tfmtl exported, with its assets/{config.SAVED}. "
            "Received: a SavedModel without it."
        )
    return pipeline
