"""Fitting calibrators to a model's answers on the evaluation data."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import DataError
from tfmtl.features import Columns
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import Task, build_calibrators
from tfmtl.tasks.calibration import fit_calibration
from tfmtl.training.batches import Batches, step_function
from tfmtl.training.build import open_evaluation
from tfmtl.training.model import Batch

if TYPE_CHECKING:
    import pandas as pd

# Of the rows of a batch in a task's space: logits, labels and weights.
_Rows = tuple[tf.Tensor, tf.Tensor, tf.Tensor]

_log = logging.getLogger(__name__)


def calibrated_tasks(
    pipeline: pipeline_pb2.Pipeline,
    network: keras.Model,
    columns: Columns,
    tasks: Sequence[Task],
    data: pd.DataFrame | None = None,
) -> list[Task]:
    """The tasks with the calibrators of `export_config.calibration`, fitted to a model as it is.

    Logits and labels of all rows are held in memory, 12 bytes for each row and task.

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
) -> dict[str, list[np.ndarray]]:
    """The logits, labels and weights of all rows in each task's space."""
    dataset = batches.dataset().take(math.ceil(num_examples / batches.batch_size) or -1)
    answer: Callable[[Batch], Mapping[str, _Rows]] = step_function(
        lambda batch: _answers(network, batch, tasks), dataset.element_spec
    )
    parts: dict[str, list[list[np.ndarray]]] = {task.name: [] for task in tasks}
    for batch in batches.read(dataset):
        for task in tasks:
            if error := task.label_error(batch[1]):
                raise DataError(error)
        for name, rows in answer(batch).items():
            parts[name].append([each.numpy() for each in rows])
    if not all(parts.values()):
        raise batches.source.no_rows_error()
    return {
        name: [np.concatenate(column) for column in zip(*each, strict=True)]
        for name, each in parts.items()
    }


def _answers(network: keras.Model, batch: Batch, tasks: Sequence[Task]) -> dict[str, _Rows]:
    encoded, targets = batch
    logits = network(encoded, training=False)
    answers = {}
    for task in tasks:
        label, weight = task.space.rows(targets)
        inside = weight != 0.0
        logit = tf.cast(tf.squeeze(logits[task.name], axis=-1), tf.float32)
        answers[task.name] = tuple(tf.boolean_mask(each, inside) for each in (logit, label, weight))
    return answers
