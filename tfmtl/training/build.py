"""The parts of a training, made from a checked config."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf
import tf_keras as keras

from tfmtl import config
from tfmtl.data import Sampler, build_sampler, is_encoded, open_encoded, open_source
from tfmtl.errors import ConfigError, TrainingError
from tfmtl.features import Columns
from tfmtl.models import build_network, build_tasks
from tfmtl.protos import dataset_pb2, pipeline_pb2, train_pb2
from tfmtl.tasks import Task, build_judges
from tfmtl.tasks.balancing import build_plan
from tfmtl.training.batches import Batches
from tfmtl.training.checkpoints import list_checkpoints
from tfmtl.training.encoded import ReadyFeatures, encoding_of
from tfmtl.training.model import MultiTaskModel

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


def build_model(pipeline: pipeline_pb2.Pipeline) -> tuple[Columns, MultiTaskModel]:
    """The encoder and the model of a pipeline, seeded, with fresh weights.

    Sets the seeds of Python, NumPy and TensorFlow to `train_config.seed`.
    """
    keras.utils.set_random_seed(pipeline.train_config.seed % 2**32)  # NumPy takes no more.
    keras.backend.reset_uids()  # A second model of a process has the names of the first.
    columns = Columns.from_pipeline(pipeline)
    with tf.distribute.get_strategy().scope(), _saved_random_streams():
        network = build_network(pipeline, columns)
        tasks = build_tasks(pipeline)
        return columns, MultiTaskModel(
            network,
            tasks,
            build_plan(pipeline, tasks),
            build_judges(pipeline, tasks),
            pipeline.eval_config.reliability_bins,
            pipeline.eval_config.eval_online,
            pipeline.train_config.freeze_gradient,
        )


def open_training(
    pipeline: pipeline_pb2.Pipeline,
    columns: Columns,
    model: MultiTaskModel,
    data: pd.DataFrame | None,
) -> Batches:
    """The batches to train on.

    Args:
        pipeline: Says where they come from.
        columns: Encode them.
        model: Says which columns it learns from.
        data: Rows to take instead.
    """
    rows = training_data(pipeline, data)
    settings = pipeline.data_config
    sampler = build_sampler(settings)
    measures = pipeline.eval_config.eval_online
    tasks = model.measured if measures else model.tasks
    targets = [column for task in tasks for column in task.target_columns]
    if measures:
        targets += [column for task in tasks for column in task.group_columns]
    targets = list(dict.fromkeys(targets))
    return open_batches(pipeline, columns, targets, rows, settings.batch_size, sampler)


def training_data(pipeline: pipeline_pb2.Pipeline, data: pd.DataFrame | None) -> str | pd.DataFrame:
    """The files to train on, as the config names them, or the rows that are given instead.

    Raises:
        ConfigError: If there are neither.
    """
    return _rows(pipeline, "train_input_path", config.train_files(pipeline), data)


def open_evaluation(
    pipeline: pipeline_pb2.Pipeline,
    columns: Columns,
    tasks: Sequence[Task],
    data: pd.DataFrame | None,
) -> Batches:
    """The batches to evaluate on.

    Args:
        pipeline: Says where they come from.
        columns: Encode them.
        tasks: Say which columns they are measured by.
        data: Rows to take instead.
    """
    settings = pipeline.data_config
    rows = _rows(pipeline, "eval_input_path", config.eval_files(pipeline), data)
    own_size = settings.HasField("eval_batch_size")
    batch_size = settings.eval_batch_size if own_size else settings.batch_size
    return open_batches(pipeline, columns, needed_columns(pipeline, tasks), rows, batch_size)


def has_evaluation(pipeline: pipeline_pb2.Pipeline) -> bool:
    """Whether a pipeline names data to evaluate on."""
    return bool(config.eval_files(pipeline))


def check_start(pipeline: pipeline_pb2.Pipeline, continue_train: bool) -> None:
    """Checks that a training may start, before anything is built.

    Raises:
        TrainingError: If there are checkpoints already, and it is not to go on from them.
    """
    existing = list_checkpoints(pipeline.model_dir)
    if existing and not continue_train:
        raise TrainingError(
            "`model_dir` should be without checkpoints where a training starts. Received: "
            f"`{existing[0]}`. Go on from it with --continue_train (in Python: "
            "continue_train=True), or train into another directory."
        )


def set_threads(settings: train_pb2.TrainConfig) -> None:
    """Sets TensorFlow's numbers of threads, where the config says them."""
    threading = tf.config.threading
    wanted = {
        threading.set_inter_op_parallelism_threads: settings.inter_op_parallelism_threads,
        threading.set_intra_op_parallelism_threads: settings.intra_op_parallelism_threads,
    }
    try:
        for set_number, number in wanted.items():
            if number:
                set_number(number)
    except RuntimeError:  # TensorFlow takes them only before its first operation.
        _log.warning(
            "`inter_op_parallelism_threads` and `intra_op_parallelism_threads` have no effect: "
            "TensorFlow is already running in this process."
        )


@contextlib.contextmanager
def _saved_random_streams() -> Iterator[None]:
    """Lets dropout draw from streams whose position is a variable, and so part of a checkpoint."""
    switch = keras.backend.experimental
    was_on = switch.is_tf_random_generator_enabled()
    switch.enable_tf_random_generator()
    try:
        yield
    finally:
        if not was_on:
            switch.disable_tf_random_generator()


def _rows(
    pipeline: pipeline_pb2.Pipeline, field: str, files: str, data: pd.DataFrame | None
) -> str | pd.DataFrame:
    if data is not None:
        return data
    if not (files or config.is_made_up(pipeline.data_config)):
        raise ConfigError([f"`{field}` should name the data. Received: nothing."])
    return files


def needed_columns(pipeline: pipeline_pb2.Pipeline, tasks: Sequence[Task]) -> list[str]:
    """The raw columns that evaluating needs beside the features.

    Args:
        pipeline: A checked config.
        tasks: What is measured.
    """
    of_tasks = [column for task in tasks for column in task.target_columns]
    grouped = [column for task in tasks for column in task.group_columns]
    sliced = [config.slice_columns(by, pipeline) for by in pipeline.eval_config.slice_by]
    return list(dict.fromkeys([*of_tasks, *grouped, *(each for by in sliced for each in by)]))


def open_batches(
    pipeline: pipeline_pb2.Pipeline,
    columns: Columns,
    targets: Sequence[str],
    rows: str | pd.DataFrame,
    batch_size: int,
    sampler: Sampler | None = None,
) -> Batches:
    """Batches of raw data, or of data whose features are encoded already.

    Args:
        pipeline: Says how to read it.
        columns: Encode it.
        targets: The raw columns that are read beside the features.
        rows: The files, or rows to take instead.
        batch_size: Rows in a batch.
        sampler: Decides how often a row appears.
    """
    settings = pipeline.data_config
    skips = settings.bad_rows == dataset_pb2.DatasetConfig.SKIP
    strict = not (skips or config.is_made_up(settings))
    if isinstance(rows, str) and is_encoded(settings, rows):
        encoding = encoding_of(pipeline, columns)
        encoded = open_encoded(settings, rows, encoding, targets, sampler)
        return Batches(encoded, ReadyFeatures(encoding), targets, batch_size, strict)
    names = list(dict.fromkeys([*columns.raw_columns, *targets]))
    source = open_source(settings, rows, names, sampler=sampler)
    return Batches(source, columns, targets, batch_size, strict)
