"""Training and evaluating what a config describes, from its message to files in its model_dir."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tfmtl import config
from tfmtl.features import Columns
from tfmtl.features.fingerprints import fingerprints
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import Task
from tfmtl.training import build
from tfmtl.training.as_trained import check_as_trained
from tfmtl.training.batches import Batches
from tfmtl.training.best import build_best
from tfmtl.training.checkpoints import Checkpoints, restore_weights
from tfmtl.training.distribution import open_strategy
from tfmtl.training.evaluation import (
    Evaluator,
    Results,
    Tables,
    results_line,
    write_results,
)
from tfmtl.training.guard import Guard
from tfmtl.training.journal import Journal
from tfmtl.training.loop import Hook, TrainLoop
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.optimizers import build_optimizers
from tfmtl.training.profiling import Profiler
from tfmtl.training.reliability import reliability_texts, sliced_texts
from tfmtl.training.requests_to_stop import build_requests
from tfmtl.training.rounds import RESULTS_FILE, Rounds, Timetable
from tfmtl.training.slices import build_slices, slices_table
from tfmtl.training.state import TrainingState
from tfmtl.training.stopping import StopSignals
from tfmtl.training.summaries import TRAIN
from tfmtl.training.warm_start import start_warm
from tfmtl.training.weighted_mean import build_weighted_mean
from tfmtl.training.writing import fitting_memory

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation.

    Args:
        step: Steps the model had made.
        metrics: `loss`, `loss_<task>` and the metrics; None for one that has no value.
        tables: What was found beside numbers: `slices`, `reliability`, `reliability_by_slice`, if
            they were asked for.
        is_best: Whether it is the best of its training so far.
        model: The model as it was evaluated.
        columns: Its columns.
    """

    step: int
    metrics: Results
    tables: Tables
    is_best: bool
    model: MultiTaskModel
    columns: Columns


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that has ended.

    Args:
        model: The model as it was at the last step.
        columns: Its columns.
        global_step: The last step.
        metrics: The last evaluation; None if there was none in this run.
        best_step: The step of the best evaluation; None if none was called the best.
        interrupted: Whether a signal ended it.
    """

    model: MultiTaskModel
    columns: Columns
    global_step: int
    metrics: Results | None
    best_step: int | None
    interrupted: bool

    @property
    def tasks(self) -> list[Task]:
        """The model's tasks."""
        return self.model.tasks


@fitting_memory()
def train(
    pipeline: pipeline_pb2.Pipeline,
    *,
    train_data: pd.DataFrame | None = None,
    eval_data: pd.DataFrame | None = None,
    continue_train: bool = False,
    on_build: Callable[[MultiTaskModel], None] = lambda model: None,
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None,
) -> Training:
    """Trains the model of a pipeline.

    The pipeline's `model_dir` holds afterwards the config, the checkpoints, points for TensorBoard
    and, with evaluation data, `eval_result.json` of the last evaluation.

    Args:
        pipeline: A checked config.
        train_data: Rows to train on, instead of the config's path.
        eval_data: Rows to evaluate on, instead of the config's path.
        continue_train: Whether to go on from the newest checkpoint in `model_dir`.
        on_build: Is called with the model before data is opened or anything written.
        on_evaluation: Is called after each evaluation.

    Raises:
        ConfigError: If the config lacks something.
        DataError: If the data cannot be read.
        TrainingError: If training cannot start or go on.
    """
    build.check_start(pipeline, continue_train)
    if continue_train:
        check_as_trained(pipeline)
    build.set_threads(pipeline.train_config)
    with open_strategy(pipeline.train_config).scope():
        run = _Run(pipeline, train_data, eval_data, on_build, on_evaluation)
        restored = run.restore()
        config.save(pipeline, os.path.join(pipeline.model_dir, config.SAVED))
        return run.execute(restored)


@fitting_memory()
def evaluate(
    pipeline: pipeline_pb2.Pipeline,
    *,
    checkpoint: str = "latest",
    data: pd.DataFrame | None = None,
    result_path: str | None = None,
) -> Evaluation:
    """Evaluates a trained model.

    Args:
        pipeline: The config it was trained with.
        checkpoint: `latest`, `best`, or the path of a checkpoint or of a directory of them.
        data: Rows to evaluate on, instead of the config's path.
        result_path: File to write the results to, as JSON; by default `eval_result.json` in
            `model_dir`.

    Raises:
        ConfigError: If the config names no evaluation data.
        DataError: If the data cannot be read.
        TrainingError: If there is no such checkpoint, or it is of another model, or of other
            statistics.
    """
    check_as_trained(pipeline)
    build.set_threads(pipeline.train_config)
    columns, model = build.build_model(pipeline)
    batches = build.open_evaluation(pipeline, columns, model.measured, data)
    path, step = restore_weights(
        model.network, pipeline.model_dir, checkpoint, fingerprints(pipeline)
    )
    _log.info("Evaluating `%s`.", path)
    evaluator = _evaluator(pipeline, model, batches)
    results, tables, state = evaluator.run(), evaluator.tables, TrainingState(step)
    _log.info("%s", results_line(step, results))
    _tell_tables(tables)
    Guard(model, state).look(results, evaluator.last_batch)
    path = result_path or os.path.join(pipeline.model_dir, RESULTS_FILE)
    write_results(path, step, {**results, **tables})
    return Evaluation(step, results, tables, False, model, columns)


class _Run:
    """One run of a training: what it is made of, and its course."""

    def __init__(
        self,
        pipeline: pipeline_pb2.Pipeline,
        train_data: pd.DataFrame | None,
        eval_data: pd.DataFrame | None,
        on_build: Callable[[MultiTaskModel], None],
        on_evaluation: Callable[[Evaluation], None],
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings = pipeline.train_config
        self._on_evaluation = on_evaluation
        self._columns, self._model = build.build_model(pipeline)
        on_build(self._model)
        self._model.compile(build_optimizers(settings), settings.gradient_clipping_by_norm)
        if settings.summary_model_vars:
            self._model.keep_histograms()
        self._batches = build.open_training(pipeline, self._columns, self._model, train_data)
        self._evaluator = self._make_evaluator(eval_data)
        self._state = state = TrainingState(fingerprints=fingerprints(pipeline))
        self._guard = Guard(self._model, state)
        self._best = build_best(pipeline, state) if self._evaluator else None
        keep = settings.keep_checkpoint_max
        self._checkpoints = Checkpoints(pipeline.model_dir, self._model, state, keep)

    def restore(self) -> bool:
        """Goes back to where the model_dir stands; if nothing is there, starts from another's."""
        path = self._checkpoints.restore_latest()
        if path:
            _log.info("Going on from `%s`.", path)
        else:
            start_warm(self._pipeline, self._model)
        return path is not None

    def execute(self, restored: bool) -> Training:
        """Trains from there to the end."""
        journal = Journal(self._settings, self._pipeline.model_dir, self._model, self._state)
        with contextlib.closing(journal), StopSignals() as signals:
            rounds = self._make_rounds(journal, signals)
            if restored:
                rounds.resume()
            with contextlib.closing(self._profiler()) as profiler:
                ended = self._loop([profiler, journal, rounds, *build_requests(self._pipeline)])
            journal.finish()
            rounds.finish(ended)
        self._batches.source.tell_skipped()
        if signals.received:
            _log.warning("Interrupted after step %d. --continue_train goes on.", self._state.step)
        return self._result(rounds.results, signals.received)

    def _loop(self, hooks: Sequence[Hook]) -> bool:
        """Makes the steps, and tells whether those were all that the config asks for."""
        if 0 < self._settings.num_steps <= self._state.step:
            _log.info(
                "Nothing to train: the model is at step %d, and `train_config.num_steps` is %d.",
                self._state.step,
                self._settings.num_steps,
            )
        config_of_data = self._pipeline.data_config
        dataset = self._batches.dataset(
            shuffle=config_of_data.shuffle,
            epochs=config_of_data.num_epochs or None,
            seed=self._settings.seed % 2**31,
            skip_rows=self._state.rows,
            drop_remainder=config_of_data.drop_remainder,
        )
        num_steps = self._settings.num_steps
        loop = TrainLoop(self._model, self._state, num_steps, hooks)
        data_ended = loop.run(self._batches.read(dataset), dataset.element_spec)
        if data_ended and not self._state.step:
            raise self._batches.source.no_rows_error()
        return data_ended or 0 < num_steps <= self._state.step

    def _profiler(self) -> Profiler:
        steps = self._settings.log_step_count_steps if self._settings.is_profiling else 0
        return Profiler(os.path.join(self._pipeline.model_dir, TRAIN), steps)

    def _make_evaluator(self, data: pd.DataFrame | None) -> Evaluator | None:
        if data is None and not build.has_evaluation(self._pipeline):
            return None
        measured = self._model.measured
        batches = build.open_evaluation(self._pipeline, self._columns, measured, data)
        return _evaluator(self._pipeline, self._model, batches)

    def _make_rounds(self, journal: Journal, signals: StopSignals) -> Rounds:
        settings = self._settings
        return Rounds(
            self._checkpoints,
            self._evaluator,
            self._best,
            Timetable(settings.save_checkpoints_steps, settings.save_checkpoints_secs),
            signals,
            journal,
            self._evaluated,
        )

    def _evaluated(self, results: Results, is_best: bool) -> None:
        step, evaluator = self._state.step, self._evaluator
        tables = evaluator.tables if evaluator else {}
        self._guard.look(results, evaluator.last_batch if evaluator else None)
        self._on_evaluation(Evaluation(step, results, tables, is_best, self._model, self._columns))

    def _result(self, results: Results | None, interrupted: bool) -> Training:
        state = self._state
        best_step = state.best_step if state.best_value is not None else None
        return Training(self._model, self._columns, state.step, results, best_step, interrupted)


def _evaluator(
    pipeline: pipeline_pb2.Pipeline, model: MultiTaskModel, batches: Batches
) -> Evaluator:
    slices = build_slices(pipeline, model.measured)
    mean = build_weighted_mean(pipeline)
    return Evaluator(model, batches, pipeline.eval_config.num_examples, slices, mean)


def _tell_tables(tables: Tables) -> None:
    if "slices" in tables:
        _log.info("%s", slices_table(tables["slices"]))
    for text in reliability_texts(tables.get("reliability", {})):
        _log.info("%s", text)
    for text in sliced_texts(tables.get("reliability_by_slice", {})):
        _log.info("%s", text)
