"""Which evaluation was the best, and for how long none has been better."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from tfmtl.errors import ConfigError
from tfmtl.protos import export_pb2
from tfmtl.training.state import TrainingState

# Where less is better, whatever a config that does not say `metric_bigger` has for its default.
_SMALLER_IS_BETTER = (
    "loss",
    "logloss",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
)

_log = logging.getLogger(__name__)


class Best:
    """Keeps the best value of a metric in the training's state.

    Args:
        metric: Name of the metric.
        bigger: Whether a larger value is better.
        state: Where the best value so far, and its step, are kept.
        patience: Steps to wait for a better value; None waits for ever.
    """

    def __init__(
        self, metric: str, bigger: bool, state: TrainingState, patience: int | None = None
    ) -> None:
        self.metric = metric
        self.bigger = bigger
        self.patience = patience
        self._state = state

    def update(self, metrics: Mapping[str, float | None]) -> bool:
        """Takes the results of an evaluation at the current step.

        Returns:
            Whether they are the best so far.
        """
        value, state = metrics[self.metric], self._state
        if value is None or not self._is_better(value):
            return False
        state.best_metric, state.best_value, state.best_step = self.metric, value, state.step
        return True

    @property
    def out_of_patience(self) -> bool:
        """Whether no evaluation has been better for so long that training should stop."""
        state = self._state
        return self.patience is not None and state.step - state.best_step >= self.patience

    def _is_better(self, value: float) -> bool:
        state = self._state
        if state.best_value is None or state.best_metric != self.metric:
            return True
        return value > state.best_value if self.bigger else value < state.best_value


def build_best(
    config: export_pb2.ExportConfig, metrics: Sequence[str], state: TrainingState
) -> Best | None:
    """Keeps the best by `best_exporter_metric`.

    Args:
        config: Says the metric, which direction is better and how long to wait.
        metrics: Names of all that an evaluation measures.
        state: Where the best so far is kept.

    Returns:
        None if nothing needs the best and the default metric is not measured.

    Raises:
        ConfigError: If the metric is needed, but not measured.
    """
    name = _resolve(config.best_exporter_metric, metrics)
    if name is None:
        if _is_needed(config):
            raise ConfigError([_unknown(config.best_exporter_metric, metrics)])
        return None
    bigger = config.metric_bigger
    if not config.HasField("metric_bigger"):
        bigger = not name.startswith(_SMALLER_IS_BETTER)
    return Best(name, bigger, state, config.max_check_steps if config.enable_early_stop else None)


def _resolve(name: str, metrics: Sequence[str]) -> str | None:
    """The metric that is meant: the name itself, or, of a bare `auc`, the first task's."""
    if name in metrics:
        return name
    of_tasks = [metric for metric in metrics if metric.startswith(f"{name}_")]
    if len(of_tasks) > 1:
        _log.warning(
            "`export_config.best_exporter_metric: %s` is taken for `%s`, the first of %s.",
            name,
            of_tasks[0],
            ", ".join(f"`{metric}`" for metric in of_tasks),
        )
    return next(iter(of_tasks), None)


def _is_needed(config: export_pb2.ExportConfig) -> bool:
    return (
        config.HasField("best_exporter_metric")
        or config.exporter_type == "best"
        or config.enable_early_stop
    )


def _unknown(name: str, metrics: Sequence[str]) -> str:
    known = ", ".join(f"`{metric}`" for metric in metrics)
    return f"`export_config.best_exporter_metric` should be one of {known}. Received: `{name}`."
