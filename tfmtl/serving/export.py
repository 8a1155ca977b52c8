"""Writes a trained model as a SavedModel for TensorFlow Serving: `<directory>/<version>/`."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl import config
from tfmtl.config.score import weight_input
from tfmtl.errors import ExportError
from tfmtl.features import Columns
from tfmtl.features.column import Column
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.base_files import write_base_files
from tfmtl.serving.batching import BATCHING_FILE, batching_text
from tfmtl.serving.embedding_storage import FLOAT32, TOLERANCES
from tfmtl.serving.gate import check_export
from tfmtl.serving.gate.graph_rules import MOST_BYTES_OF_CONST
from tfmtl.serving.golden import GOLDEN_FILE, record_answers, trial_rows
from tfmtl.serving.joined_inputs import JoinedCells
from tfmtl.serving.manifest import EXTRA_FOLDER, manifest, write_manifest
from tfmtl.serving.prediction_logs import Record, write_records
from tfmtl.serving.signatures import Servable, build_servable, check_input_names
from tfmtl.serving.vectors import vectors_of
from tfmtl.serving.versions import publish
from tfmtl.serving.warmup import WARMUP_FILE, warmup_requests
from tfmtl.tasks import Task, build_score

CALIBRATION_FILE = "calibration.json"


def export(
    network: keras.Model,
    columns: Columns,
    tasks: Sequence[Task],
    pipeline: Pipeline,
    directory: str | Path,
    sample_rows: Mapping[str, np.ndarray] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Publishes the model as the next version of `directory`.

    A version appears whole or not at all, and only after it has passed the gate: every rule of
    `tfmtl.serving.gate`, and a fresh process that has nothing but TensorFlow's C library, where it
    has answered as the trained model does.

    Args:
        network: Encoded features in, `{task: logits}` out.
        columns: The encoder.
        tasks: Make predictions of the logits. How they are calibrated, if they are, goes along as
            `assets/calibration.json`.
        pipeline: The resolved config; it goes along as `assets/pipeline.config`.
        directory: The folder of versions.
        sample_rows: Rows of data to compare answers on, raw columns by name.
        metrics: What the model's last evaluation found; it goes along.

    Returns:
        The version's folder.

    Raises:
        ExportError: If the model cannot be exported, or the export does not pass the gate.
    """
    unread, storage = _unread_columns(pipeline), pipeline.export_config.embedding_storage
    joined = JoinedCells.of_pipeline(pipeline, set(_input_names(pipeline)))
    build = functools.partial(
        build_servable,
        *(columns, network, tasks, unread, build_score(pipeline)),
        config.user_columns(pipeline),
        vectors=pipeline.export_config.embedding_outputs,
        joined=joined,
    )
    trained = build()
    servable = build(storage=storage) if storage != FLOAT32 else trained
    unread_names = [column.name for column in unread if column.name not in columns.raw_columns]
    base, name = Path(directory), _model_name(pipeline, Path(directory))
    rows = _recorded_rows(pipeline, sample_rows)

    def write(folder: Path) -> None:
        _save(servable, folder)
        _add_assets(pipeline, tasks, folder / "assets")
        golden = add_requests(trained, pipeline, name, rows, folder, servable)
        count = len(next(iter(rows.values()))) if rows else 0
        told = manifest(folder, pipeline, columns, tasks, unread_names, metrics, count, joined)
        write_manifest(folder, told)
        check_export(folder, ask=pipeline.export_config.check_answers)
        write_base_files(base, name, told, golden, pipeline.export_config.HasField("batching"))

    try:
        return publish(base, write)
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
    for feature in config.read_features(pipeline):
        _check_list(config.feature_name(feature), feature.vocab_list)
    for source in pipeline.export_config.asset_files:
        _check_asset(Path(source))


def check_network(network: keras.Model, pipeline: Pipeline) -> None:
    """Raises before a long training what only the network itself shows.

    Args:
        network: Encoded features in, `{task: logits}` out.
        pipeline: The config.

    Raises:
        ExportError: With what could not be exported.
    """
    vectors_of(network, pipeline.export_config.embedding_outputs)


def _check_list(feature: str, words: Sequence[str]) -> None:
    """A list of words becomes a constant of the graph, and a file an asset."""
    size = sum(len(word.encode()) for word in words)
    if size >= MOST_BYTES_OF_CONST:
        raise ExportError(
            f"`vocab_list` of feature `{feature}` should have less than {MOST_BYTES_OF_CONST:,} "
            f"bytes, because it is part of the exported graph. Received: {size:,}. "
            "Use `vocab_file`."
        )


def _input_names(pipeline: Pipeline) -> Iterator[str]:
    """The columns that the signature will have."""
    for feature in config.read_features(pipeline):
        yield from feature.input_names
    score = build_score(pipeline)
    yield from score.columns if score is not None else []
    yield from (column.name for column in _unread_columns(pipeline))


def _save(servable: Servable, folder: Path) -> None:
    tf.saved_model.save(servable.module, str(folder), signatures=dict(servable.signatures))


def add_requests(
    servable: Servable,
    pipeline: Pipeline,
    name: str,
    rows: Mapping[str, np.ndarray] | None,
    folder: Path,
    exported: Servable | None = None,
) -> list[Record]:
    """Writes what a version is to be asked, by a server that warms up and by the gate.

    Args:
        servable: The trained model.
        pipeline: Says how much.
        name: What requests call the model.
        rows: Rows of data to ask about, raw columns by name; others are made up.
        folder: The version.
        exported: What is exported, if that is not the trained model itself.

    Returns:
        The gate's requests, with the model's answers.
    """
    config, extra = pipeline.export_config, folder / EXTRA_FOLDER
    extra.mkdir()
    sizes = config.warmup_batch_sizes or _batch_sizes(pipeline)
    tried = trial_rows(servable, rows, exported, TOLERANCES[config.embedding_storage])
    golden = record_answers(servable, tried)
    write_records(extra / WARMUP_FILE, warmup_requests(servable, tried, sizes), name)
    write_records(extra / GOLDEN_FILE, golden, name)
    if config.HasField("batching"):
        (folder / BATCHING_FILE).write_text(batching_text(config.batching), encoding="utf-8")
    return golden


def _batch_sizes(pipeline: Pipeline) -> list[int]:
    """Those that a server will run, if the config tells them."""
    allowed = list(pipeline.export_config.batching.allowed_batch_sizes)
    return [1, *allowed] if allowed else []


def _recorded_rows(
    pipeline: Pipeline, rows: Mapping[str, np.ndarray] | None
) -> dict[str, np.ndarray] | None:
    """As many as the config says, with the weights of the score as they are by default."""
    count = pipeline.export_config.recorded_rows
    if not rows or not count:
        return None
    recorded = {name: column[:count] for name, column in rows.items()}
    length = len(next(iter(recorded.values())))
    defaults = {
        weight_input(each.name): np.full(length, each.default_value, np.float32)
        for each in pipeline.model_config.score.weights
    }
    return {**recorded, **defaults}


def _model_name(pipeline: Pipeline, base: Path) -> str:
    """What the config calls it, or the last folder of where it was trained or is exported to."""
    folder = pipeline.model_dir or str(base.absolute())
    named = pipeline.export_config.model_name or Path(folder).name
    return re.sub(r"[^A-Za-z0-9_.-]", "_", named)


def _add_assets(pipeline: Pipeline, tasks: Sequence[Task], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    text = text_format.MessageToString(pipeline, as_utf8=True)
    (folder / config.SAVED).write_text(text, encoding="utf-8")
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
