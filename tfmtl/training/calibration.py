"""Fitting calibrators to a model's answers on the evaluation data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import DataError
from tfmtl.features import Columns
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import Task, build_calibrators
from tfmtl.tasks.calibration import fit_calibration
from tfmtl.tasks.held_rows import HeldRows
from tfmtl.tasks.offered import only
from tfmtl.training.batches import Batches, first_rows, step_function
from tfmtl.training.build import open_evaluation
from tfmtl.training.objective import Batch

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


def calibrated_tasks(
    pipeline: pipeline_pb2.Pipeline,
    network: keras.Model,
    columns: Columns,
    tasks: Sequence[Task],
    data: pd.DataFrame | None = None,
) -> list[Task]:
    """The tasks with the calibrators of `export_config.calibration`, fitted to a model as it is.

    Logits, labels and weights of all rows are held in memory, 4 bytes for each number.

    Args:
        pipeline: A checked config.
        network: The model's network.
        columns: Its columns.
        tasks: Its tasks; they are left as they are.
        data: Rows to fit to, instead of those of `eval_input_path`.

    Raises:
        ConfigError: If the config names no evaluation data, and none is given.
        DataError: If the data cannot be read, or is too little.
    """
    calibrators = build_calibrators(pipeline)
    chosen = [task for task in tasks if task.name in calibrators]
    if not chosen:
        return list(tasks)
    batches = open_evaluation(pipeline, columns, chosen, data)
    rows = _collect(network, batches, chosen, pipeline.eval_config.num_examples)
    calibrated: dict[str, Task] = {}
    for task in chosen:
        calibration = fit_calibration(task.name, calibrators[task.name], *rows[task.name])
        _log.info("Calibrated task `%s`: %s", task.name, calibration)
        for warning in calibration.warnings:
            _log.warning("Task `%s`: %s", task.name, warning)
        calibrated[task.name] = task.calibrated(calibration)
    return [calibrated.get(task.name, task) for task in tasks]


def _collect(
    network: keras.Model, batches: Batches, tasks: Sequence[Task], num_examples: int
) -> dict[str, tuple[np.ndarray, ...]]:
    """The logits, labels and weights of all rows in each task's space."""
    held = {task.name: HeldRows(tf.float32, tf.float32, tf.float32) for task in tasks}

    def keep(batch: Batch) -> None:
        encoded, targets = batch
        logits = network(encoded, training=False)
        for task in tasks:
            # Of one logit `(batch,)`, of several classes `(batch, classes)`.
            own = only(logits[task.name]) if task.units == 1 else logits[task.name]
            held[task.name].add(own, *task.space.rows(targets))

    dataset = first_rows(batches, num_examples)
    step, batch = step_function(keep, dataset.element_spec), None
    for batch in batches.read(dataset):
        for task in tasks:
            if error := task.label_error(batch[1]):
                raise DataError(error)
        step(batch)
    if batch is None:
        raise batches.source.no_rows_error()
    return {name: rows.columns() for name, rows in held.items()}
