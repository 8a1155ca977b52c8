"""Rounds: every so often a training is saved and evaluated, and it is decided whether to go on."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from tfmtl.training.best import Best
from tfmtl.training.checkpoints import Checkpoints
from tfmtl.training.evaluation import (
    Evaluator,
    LeftOff,
    Results,
    results_line,
    write_results,
)
from tfmtl.training.journal import Journal
from tfmtl.training.objective import Losses
from tfmtl.training.state import TrainingState
from tfmtl.training.stopping import StopSignals

RESULTS_FILE = "eval_result.json"

_log = logging.getLogger(__name__)


def recorded_results(model_dir: str, step: int) -> dict[str, Any] | None:
    """What `eval_result.json` tells of a model at a step; None if of another or nothing."""
    try:
        with open(os.path.join(model_dir, RESULTS_FILE), encoding="utf-8") as file:
            results: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    return results if results.get("global_step") == step else None


class Timetable:
    """Says when a round is due: every so many steps, or seconds.

    Args:
        steps: Steps between rounds, where `seconds` is 0.
        seconds: Seconds between rounds.
        now: The clock, in seconds.
    """

    def __init__(
        self, steps: int, seconds: int = 0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps = steps
        self._seconds = seconds
        self._now = now
        self._last = now()

    def is_due(self, step: int) -> bool:
        """Whether it is time at this step."""
        if not self._seconds:
            return bool(self._steps) and step % self._steps == 0
        if self._now() - self._last < self._seconds:
            return False
        self._last = self._now()
        return True


class Rounds:
    """Saves, evaluates and keeps the best.

    Args:
        checkpoints: Save the training.
        evaluator: Evaluates the model; None where there is no evaluation data.
        best: Tells the best evaluation; None if nobody asks.
        timetable: Says when.
        signals: Say whether somebody asked to stop.
        journal: Is told of the evaluations.
        on_evaluation: Is called with the results of each evaluation and whether they are the best.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        evaluator: Evaluator | None,
        best: Best | None,
        timetable: Timetable,
        signals: StopSignals,
        journal: Journal,
        on_evaluation: Callable[[Results, bool], None],
    ) -> None:
        self.results: Results | None = None
        self._checkpoints = checkpoints
        self._evaluator = evaluator
        self._best = best
        self._timetable = timetable
        self._signals = signals
        self._journal = journal
        self._on_evaluation = on_evaluation
        self._saved_step: int | None = None

    @property
    def wants_stop(self) -> bool:
        """Whether somebody asked to stop, or no evaluation has been better for too long."""
        return self._signals.received or bool(self._best and self._best.out_of_patience)

    def resume(self) -> None:
        """Makes up for the evaluation that a restored training was about to do."""
        self._saved_step = self._state.step
        if self._state.evaluation_due:
            self._evaluate()

    def after_step(self, losses: Losses) -> None:
        """Holds a round if it is time."""
        if self._timetable.is_due(self._state.step):
            self._round()

    def finish(self, ended: bool) -> None:
        """Holds the last round; of an interrupted training it only saves.

        Args:
            ended: Whether the training has come to its own end. If it is interrupted there, whoever
                goes on from it finds nothing to train, and has the last evaluation to make up for.
        """
        if self._saved_step == self._state.step:
            return
        if self._signals.received:
            self._save(evaluation_due=ended and self._evaluator is not None)
        else:
            self._round()

    @property
    def _state(self) -> TrainingState:
        return self._checkpoints.state

    def _round(self) -> None:
        with self._journal.paused():
            self._save(evaluation_due=self._evaluator is not None)
            self._evaluate()

    def _save(self, evaluation_due: bool) -> None:
        # A run that dies during the evaluation goes on from here, and has to make up for it.
        self._state.evaluation_due = evaluation_due
        path = self._checkpoints.save()
        self._saved_step = self._state.step
        _log.info("Saved `%s`.", path)

    def _evaluate(self) -> None:
        if self._evaluator is None:
            return
        try:
            results = self._evaluator.run(stopped=lambda: self._signals.received)
        except LeftOff:
            return
        self.results = results
        _log.info("%s", results_line(self._state.step, results))
        path = os.path.join(self._checkpoints.model_dir, RESULTS_FILE)
        write_results(path, self._state.step, {**results, **self._evaluator.tables})
        self._journal.evaluation(results)
        is_best = bool(self._best and self._best.update(results))
        if is_best:
            self._checkpoints.save_best()
        self._on_evaluation(results, is_best)
        if self._best and self._best.out_of_patience:
            _log.info("Training stops early: %s.", self._best)
