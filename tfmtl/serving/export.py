"""Writes a trained model as a SavedModel for TensorFlow Serving: `<directory>/<version>/`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl import config
from tfmtl.errors import ExportError
from tfmtl.features import Columns
from tfmtl.features.column import Column
from tfmtl.features.fingerprints import fingerprints
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.check import check_answers
from tfmtl.serving.signatures import Servable, build_servable, check_input_names
from tfmtl.serving.versions import publish
from tfmtl.tasks import Task, build_score

PIPELINE_FILE = "pipeline.config"
CALIBRATION_FILE = "calibration.json"
FINGERPRINTS_FILE = "fingerprints.json"


def export(
    network: keras.Model,
    columns: Columns,
    tasks: Sequence[Task],
    pipeline: Pipeline,
    directory: str | Path,
    sample_rows: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Publishes the model as the next version of `directory`.

    A version appears whole or not at all, and only after a fresh process that has nothing but
    TensorFlow has loaded it and answered as the trained model does.

    Args:
        network: Encoded features in, `{task: logits}` out.
        columns: The encoder.
        tasks: Make predictions of the logits. How they are calibrated, if they are, goes along as
            `assets/calibration.json`.
        pipeline: The resolved config; it goes along as `assets/pipeline.config`, and the
            fingerprints of its features' transforms as `assets/fingerprints.json`.
        directory: The folder of versions.
        sample_rows: Rows of data to compare answers on, raw columns by name.

    Returns:
        The version's folder.

    Raises:
        ExportError: If the model cannot be exported, or the export does not answer as the model.
    """
    servable = build_servable(
        columns,
        network,
        tasks,
        _unread_columns(pipeline),
        build_score(pipeline),
        config.user_columns(pipeline),
    )

    def write(folder: Path) -> None:
        _save(servable, folder)
        _add_assets(pipeline, tasks, folder / "assets")
        check_answers(folder, servable, sample_rows)

    try:
        return publish(Path(directory), write)
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(f"The model could not be exported to `{directory}`: {error}") from error


def check_exportable(pipeline: Pipeline) -> None:
    """Raises before a long training if the model could not be exported after it.

    Args:
        pipeline: The config.

    Raises:
        ExportError: With what is in the way.
    """
    check_input_names(_input_names(pipeline))
    for source in pipeline.export_config.asset_files:
        _check_asset(Path(source))


def _input_names(pipeline: Pipeline) -> Iterator[str]:
    """The columns that the signature will have."""
    for feature in config.read_features(pipeline):
        yield from feature.input_names
    score = build_score(pipeline)
    yield from score.columns if score is not None else []
    yield from (column.name for column in _unread_columns(pipeline))


def _save(servable: Servable, folder: Path) -> None:
    tf.saved_model.save(servable.module, str(folder), signatures=dict(servable.signatures))


def _add_assets(pipeline: Pipeline, tasks: Sequence[Task], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    text = text_format.MessageToString(pipeline, as_utf8=True)
    (folder / PIPELINE_FILE).write_text(text, encoding="utf-8")
    _write_json(folder / FINGERPRINTS_FILE, fingerprints(pipeline))
    calibrations = {task.name: task.calibration.as_json() for task in tasks if task.calibration}
    if calibrations:
        _write_json(folder / CALIBRATION_FILE, calibrations)
    for source in pipeline.export_config.asset_files:
        _check_asset(Path(source))
        _add_asset(Path(source), folder)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _check_asset(source: Path) -> None:
    if not source.is_file():
        raise ExportError(
            f"`export_config.asset_files` should name files that exist. Received: `{source}`."
        )


def _add_asset(source: Path, folder: Path) -> None:
    target = folder / source.name
    if target.exists():
        raise ExportError(
            "`export_config.asset_files` should have names that no other asset of the export has. "
            f"Received: `{source}`, where there is already a `{source.name}`."
        )
    shutil.copyfile(source, target)


def _unread_columns(pipeline: Pipeline) -> list[Column]:
    """With `filter_inputs: false` the signature has all columns that rows to predict on have."""
    if pipeline.export_config.filter_inputs:
        return []
    data = pipeline.data_config
    absent = config.target_columns(data)
    fields = [field for field in data.input_fields if field.input_name not in absent]
    return [Column.from_field(field) for field in fields]
