"""Measuring a model on a data set: every task's loss and metrics, each in its own sample space."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl import config
from tfmtl.errors import DataError
from tfmtl.training.batches import Batches, first_rows, step_function
from tfmtl.training.meter import TaskMeter
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.objective import Batch
from tfmtl.training.reliability import reliability
from tfmtl.training.slices import Slices
from tfmtl.training.weighted_mean import WeightedMean
from tfmtl.training.writing import writing

Results = dict[str, float | None]
Tables = dict[str, Any]

_log = logging.getLogger(__name__)


class LeftOff(Exception):
    """An evaluation was stopped before its end."""


class Evaluator:
    """Evaluates a model on some data, as often as it is asked to.

    Args:
        model: The model.
        batches: The data.
        num_examples: Rows to evaluate, rounded up to whole batches; 0 for all.
        slices: Measure the tasks by the values of columns, too.
        mean: A weighted mean of results, which becomes a result as well.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        batches: Batches,
        num_examples: int = 0,
        slices: Slices | None = None,
        mean: WeightedMean | None = None,
    ) -> None:
        self.tables: Tables = {}
        """What the last evaluation found beside numbers, by its name in `eval_result.json`."""
        self.last_batch: Batch | None = None
        self._model = model
        self._batches = batches
        self._slices = slices
        self._mean = mean
        self._num_examples = num_examples
        self._measure: Callable[[Batch], Mapping[str, tf.Tensor]] | None = None

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Results:
        """Evaluates the model as it is now.

        Args:
            stopped: Asked after each batch whether to leave off.

        Returns:
            `loss`, `loss_<task>`, the metrics and `rows_<task>`, the rows in each sample space;
            None for one that has no value. What else was found is in `tables` then.

        Raises:
            DataError: If there are no rows, or one of their labels cannot be learned.
            LeftOff: If it was stopped.
        """
        for meter in self._model.meters:
            meter.reset()
        if self._slices:
            self._slices.reset()
        dataset = first_rows(self._batches, self._num_examples)
        measure = self._measure = self._measure or self._graph(dataset)
        batch = None
        for batch in self._batches.read(dataset):
            self._check(measure(batch), batch)
            if stopped():
                raise LeftOff
        if batch is None:
            raise self._batches.source.no_rows_error()
        self._batches.source.tell_skipped()
        self.last_batch = batch
        self.tables = self._found_tables()
        values = results(self._model)
        return {**values, **self._mean.of(values)} if self._mean else values

    def _found_tables(self) -> Tables:
        slices, by_slice = self._slices.results() if self._slices else ({}, {})
        found = {
            "slices": slices,
            "reliability": reliability(self._model),
            "reliability_by_slice": by_slice,
        }
        return {name: table for name, table in found.items() if table}

    def _graph(self, dataset: tf.data.Dataset) -> Callable[[Batch], Mapping[str, tf.Tensor]]:
        return step_function(self._measure_batch, dataset.element_spec)

    def _measure_batch(self, batch: Batch) -> Mapping[str, tf.Tensor]:
        logits, targets = self._model.measured_logits(batch), batch[1]
        if self._slices:
            self._slices.update(logits, targets)
        return self._model.measure_logits(logits, targets)

    def _check(self, losses: Mapping[str, tf.Tensor], batch: Batch) -> None:
        if any(math.isnan(loss) for loss in losses.values()):
            for task in self._model.tasks:
                error = task.label_error(batch[1])
                if error:
                    raise DataError(error)


def results(model: MultiTaskModel) -> Results:
    """What the model's meters show; None, with a warning, for what has no value."""
    by_task = {meter.task.name: _task_results(meter) for meter in model.meters}
    weighted = [
        meter.task.weight * loss
        for meter in model.meters
        if (loss := by_task[meter.task.name].get(f"loss_{meter.task.name}")) is not None
    ]
    total = sum(weighted) if weighted else None
    return {"loss": total, **{k: v for each in by_task.values() for k, v in each.items()}}


def write_results(path: str, step: int, values: Mapping[str, Any]) -> None:
    """Writes `{"global_step": …, …}` as JSON; a reader never sees a part.

    Raises:
        TrainingError: If it cannot be written.
    """
    text = json.dumps({"global_step": step, **values}, indent=2)
    with writing(f"The results of the evaluation in `{path}`"):
        config.write_text(text + "\n", path)


def results_line(step: int, values: Mapping[str, float | None]) -> str:
    """One line for people: `evaluation at step 1,000 · loss 0.4127 · auc_ctr 0.7931`."""
    return values_line(f"evaluation at step {step:,}", values)


def values_line(head: str, values: Mapping[str, float | None]) -> str:
    """One line for people: what the values are of, and each of them."""
    return " · ".join([head, *(f"{name} {_shown(value)}" for name, value in values.items())])


def _task_results(meter: TaskMeter) -> Results:
    values: Results = {}
    missing: dict[str, list[str]] = {}
    for metric in meter.metrics:
        value = float(metric.result()) if meter.rows else math.nan
        values[metric.name] = value if math.isfinite(value) else None
        if values[metric.name] is None:
            missing.setdefault(_reason(meter, metric), []).append(f"`{metric.name}`")
        elif left_out := getattr(metric, "groups_told", ""):
            _log.info("Task `%s`: `%s`: %s.", meter.task.name, metric.name, left_out)
    for reason, names in missing.items():
        verb = "has" if len(names) == 1 else "have"
        _log.warning(
            "Task `%s`: %s %s no value, %s.", meter.task.name, ", ".join(names), verb, reason
        )
    return {**values, f"rows_{meter.task.counted_as}": meter.rows} if values else {}


def _reason(meter: TaskMeter, metric: keras.metrics.Metric) -> str:
    if not meter.rows:
        return "because no row with a known label is in its sample space"
    # Who has no loss of its own answers all the same.
    if not (meter.logit_range.is_finite and math.isfinite(float(meter.loss.result()))):
        return "because the model's own answers are not finite numbers"
    own = getattr(metric, "undefined", "")
    return own or "because all rows in its sample space have labels of one class"


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"
