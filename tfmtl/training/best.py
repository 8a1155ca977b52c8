"""Which evaluation was the best, and for how long none has been better."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from tfmtl import config
from tfmtl.protos import pipeline_pb2
from tfmtl.training import weighted_mean
from tfmtl.training.state import TrainingState

_log = logging.getLogger(__name__)


class Best:
    """Keeps the best value of a metric in the training's state.

    Args:
        metric: Name of the metric.
        bigger: Whether a larger value is better.
        state: Where the best value so far, and its step, are kept.
        patience: Steps to wait for a better value, as evaluations tell it; None waits for ever.
        formula: What the metric is, if its name does not say it all. The best of another formula
            does not count.
    """

    def __init__(
        self,
        metric: str,
        bigger: bool,
        state: TrainingState,
        patience: int | None = None,
        formula: str = "",
    ) -> None:
        self.metric = metric
        self.formula = formula or metric
        self.bigger = bigger
        self.patience = patience
        self._state = state

    def update(self, results: Mapping[str, float | None]) -> bool:
        """Takes the results of an evaluation at the current step.

        Returns:
            Whether they are the best so far.
        """
        value, state = results[self.metric], self._state
        if value is None:
            _log.warning(
                "The evaluation at step %s cannot be the best: `%s`, which says so, has no value.",
                f"{state.step:,}",
                self.metric,
            )
            return False
        state.evaluated_step = state.step
        if not self._is_better(value):
            return False
        state.best_metric, state.best_value, state.best_step = self.formula, value, state.step
        return True

    def __str__(self) -> str:
        state = self._state
        return f"the best `{self.metric}` is {state.best_value}, of step {state.best_step:,}"

    @property
    def out_of_patience(self) -> bool:
        """Whether no evaluation has been better for so long that training should stop."""
        state = self._state
        waited = state.evaluated_step - state.best_step
        return self.patience is not None and waited >= self.patience

    def _is_better(self, value: float) -> bool:
        state = self._state
        if state.best_value is None or state.best_metric != self.formula:
            return True
        return value > state.best_value if self.bigger else value < state.best_value


def build_best(pipeline: pipeline_pb2.Pipeline, state: TrainingState) -> Best | None:
    """Keeps the best by `best_exporter_metric` or `best_exporter_metrics` of `export_config`.

    Args:
        pipeline: A checked config.
        state: Where the best so far is kept.

    Returns:
        None if the metric is not measured, which a checked config allows if nothing needs it.
    """
    export = pipeline.export_config
    patience = export.max_check_steps if export.enable_early_stop else None
    if mean := weighted_mean.build_weighted_mean(pipeline):
        return Best(weighted_mean.NAME, True, state, patience, formula=str(mean))
    metric = config.best_metric(pipeline)
    if not metric:
        return None
    bigger = export.metric_bigger
    if not export.HasField("metric_bigger"):
        bigger = config.bigger_is_better(pipeline, metric) is not False
    return Best(metric, bigger, state, patience)
