"""What a training tells while it runs: a line of progress, and points for TensorBoard."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping

from tfmtl.protos import train_pb2
from tfmtl.training.evaluation import values_line
from tfmtl.training.model import MultiTaskModel, learning_rates
from tfmtl.training.objective import Losses
from tfmtl.training.progress import Progress, Stopwatch
from tfmtl.training.space_watch import SpaceWatch
from tfmtl.training.state import TrainingState
from tfmtl.training.summaries import EVALUATION, TRAIN, Summaries

_log = logging.getLogger(__name__)


class Journal:
    """Tells of steps and of evaluations.

    Args:
        settings: Say how often.
        model_dir: Where the points for TensorBoard go.
        model: The model.
        state: Where its training stands.
        watch: Times the training.
    """

    wants_stop = False

    def __init__(
        self,
        settings: train_pb2.TrainConfig,
        model_dir: str,
        model: MultiTaskModel,
        state: TrainingState,
        watch: Stopwatch | None = None,
    ) -> None:
        self._watch = watch or Stopwatch()
        self._every = settings.save_summary_steps
        self._window = max(1, settings.log_step_count_steps)
        self._spaces = SpaceWatch(model.spaces)
        self._progress = Progress(self._watch, settings.log_step_count_steps, settings.num_steps)
        self._summaries = Summaries(model_dir)
        self._model = model
        self._state = state
        self._told_online = state.step
        self._timed = False
        self._last = (0.0, 0)
        self._ask_for_histograms()

    def after_step(self, losses: Losses) -> None:
        """Tells of a step, if it is time."""
        state = self._state
        if not self._timed:
            self._start()
        elif self._progress.is_due(state.step):
            rate = learning_rates(self._model)["learning_rate"]
            self._progress.tell(state.step, state.rows, as_floats(losses), rate)
        if state.step % self._window == 0:
            self._warn_of_empty_spaces()
        if self._every and state.step % self._every == 0:
            shares, online = self._spaces.shares(), self._take_online()
            self._tell_shares(shares)
            points = {f"share_{task}": share for task, share in shares.items()}
            self._summaries.write(TRAIN, state.step, {**online, **self._points(losses), **points})
            if self._model.histograms:
                histograms = self._model.histograms.results()
                self._summaries.write_histograms(TRAIN, state.step, histograms)
        self._ask_for_histograms()

    def evaluation(self, results: Mapping[str, float | None]) -> None:
        """Puts an evaluation into TensorBoard."""
        self._summaries.write(EVALUATION, self._state.step, results)

    def finish(self) -> None:
        """Tells of the batches since the last point that were measured."""
        if self._state.step > self._told_online:
            online = self._take_online()
            if self._every and online:
                self._summaries.write(TRAIN, self._state.step, online)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Makes way for something else, whose time does not count."""
        self._progress.end_line()
        with self._watch.paused():
            yield

    def close(self) -> None:
        """Ends the line, and closes the files."""
        self._progress.end_line()
        self._summaries.close()

    def _start(self) -> None:
        """Starts to measure the speed, now that the first step has made the graph."""
        self._progress.start(self._state.step, self._state.rows)
        self._last = (self._watch.seconds, self._state.rows)
        self._timed = True

    def _ask_for_histograms(self) -> None:
        """Lets the next step count its gradients, if it will be told of."""
        if self._model.histograms:
            is_due = bool(self._every) and (self._state.step + 1) % self._every == 0
            self._model.histograms.want(is_due)

    def _warn_of_empty_spaces(self) -> None:
        for task in self._spaces.newly_empty():
            self._progress.end_line()
            _log.warning(
                "Task `%s`: none of the rows since the last look, up to step %d, was in its "
                "sample space, so it learned nothing from them.",
                task,
                self._state.step,
            )

    def _tell_shares(self, shares: Mapping[str, float]) -> None:
        """Tells the share of rows that each task learns from, if it is not all of them."""
        if all(share == 1 for share in shares.values()):
            return
        self._progress.end_line()
        told = ", ".join(f"{task} {share:.3g}" for task, share in shares.items())
        _log.info("Share of rows in sample space, up to step %s: %s", f"{self._state.step:,}", told)

    def _take_online(self) -> Mapping[str, float | None]:
        """The metrics of the batches since they were last told, which it does."""
        first, self._told_online = self._told_online + 1, self._state.step
        if self._model.online is None:
            return {}
        values = self._model.online.take()
        self._progress.end_line()
        _log.info("%s", values_line(f"training of steps {first:,} to {self._state.step:,}", values))
        return values

    def _points(self, losses: Losses) -> dict[str, float]:
        (seconds, rows), self._last = self._last, (self._watch.seconds, self._state.rows)
        speed = (self._last[1] - rows) / max(self._last[0] - seconds, 1e-9)
        points = {**as_floats(losses), **learning_rates(self._model)}
        return {**points, "examples_per_second": speed}


def as_floats(losses: Losses) -> dict[str, float]:
    """Scalars as numbers of Python."""
    return {name: float(value) for name, value in losses.items()}
