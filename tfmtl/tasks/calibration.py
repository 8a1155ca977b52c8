"""A calibrator fitted to a task, and what that is worth."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import DataError
from tfmtl.tasks.calibration_metrics import COPC, ECE
from tfmtl.tasks.calibrators import Calibrator
from tfmtl.tasks.class_temperature import likeliest
from tfmtl.tasks.metrics import SigmoidLogloss, SoftmaxLogloss

# Of fewer rows of a class than these, any function fitted to them is mostly chance.
_LEAST_ROWS = 10
# Of which one at a time tells how well a calibrator does that is fitted to the others.
_PARTS = 5
# A model that is calibrated already becomes a little worse by chance.
_MUCH_WORSE = 1.002


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A fitted calibrator, to be called as such.

    Args:
        calibrator: The calibrator.
        rows: Rows it was fitted to.
        reverses: Whether it ranks them the other way round than the model does.
        before: `logloss`, `ece` and `copc` of those rows without it; of several classes, the last
            two are of the likeliest one.
        after: The same with one, of each fifth of the rows by what the others tell: rows that a
            calibrator was fitted to would flatter it.
    """

    calibrator: Calibrator
    rows: int
    reverses: bool
    before: Mapping[str, float]
    after: Mapping[str, float]

    def __call__(self, logits: tf.Tensor) -> tf.Tensor:
        """Calibrates logits of any shape."""
        return self.calibrator(logits)

    def __str__(self) -> str:
        changes = [
            f"{name} {self.before[name]:.5g} → {self.after[name]:.5g}" for name in self.after
        ]
        return " · ".join([f"{self.calibrator} on {self.rows:,} rows", *changes])

    @property
    def warnings(self) -> Iterator[str]:
        """What makes it doubtful, in sentences."""
        if self.reverses:
            yield (
                "the calibrator ranks rows the other way round, because the model ranks them "
                "wrongly. Look at the task's AUC on the evaluation data."
            )
        if self.after["logloss"] > _MUCH_WORSE * self.before["logloss"]:
            yield (
                "the calibrator makes logloss worse on rows that it was not fitted to. Evaluate on "
                "more rows, choose a method of fewer parameters, or leave the task out of "
                "`export_config.calibration`."
            )

    def as_json(self) -> dict[str, Any]:
        """All there is to know of it."""
        return {
            "method": self.calibrator.name,
            **self.calibrator.parameters,
            "rows": self.rows,
            "before": dict(self.before),
            "after": dict(self.after),
        }


def fit_calibration(
    task: str,
    calibrator: Calibrator,
    logits: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
) -> Calibration:
    """Fits a calibrator.

    Args:
        task: Whose it is, for what is told of mistakes.
        calibrator: Which is fitted.
        logits: `(rows,)`; of several classes `(rows, classes)`.
        labels: `(rows,)`.
        weights: `(rows,)`; those of weight 0 are left out.

    Raises:
        DataError: If there are too few rows of a class, or logits that are not finite.
    """
    inside = weights != 0
    logits, labels, weights = logits[inside], labels[inside], weights[inside]
    _check(task, logits, labels)
    before = _measured(logits, labels, weights)
    after = _measured(_crossed(calibrator, logits, labels, weights), labels, weights)
    calibrator.fit(logits, labels, weights)
    lowest, highest = np.asarray(calibrator(tf.constant([logits.min(), logits.max()])))
    return Calibration(calibrator, len(logits), bool(lowest > highest), before, after)


def _check(task: str, logits: np.ndarray, labels: np.ndarray) -> None:
    too_few = _too_few_of_classes(labels) if logits.ndim > 1 else _too_few(labels)
    if too_few:
        raise DataError(
            f"A calibrator of task `{task}` should be fitted to {too_few} in its sample space. "
            "Evaluate on more rows (`eval_input_path`, `eval_config.num_examples`), or leave the "
            "task out of `export_config.calibration`."
        )
    if not np.isfinite(logits).all():
        raise DataError(
            f"A calibrator of task `{task}` should be fitted to finite logits. Received: "
            f"{logits[~np.isfinite(logits)][0]}. Export a checkpoint of before the model broke."
        )


def _too_few(labels: np.ndarray) -> str:
    """What there should be and what there is, in words; "" if that is enough."""
    # Soft labels count for what they are.
    positive = float(np.sum(labels, dtype=np.float64))
    negative = len(labels) - positive
    if min(positive, negative) >= _LEAST_ROWS:
        return ""
    return (
        f"{_LEAST_ROWS} positive and {_LEAST_ROWS} negative rows or more. Received: {positive:g} "
        f"positive and {negative:g} negative rows"
    )


def _too_few_of_classes(labels: np.ndarray) -> str:
    """The same of several classes."""
    classes, counts = np.unique(labels, return_counts=True)
    if np.count_nonzero(counts >= _LEAST_ROWS) >= 2:
        return ""
    told = [f"{count} of class {each:g}" for each, count in zip(classes, counts, strict=True)]
    return f"{_LEAST_ROWS} rows or more of two classes. Received: {', '.join(told) or 'no row'}"


def _crossed(
    calibrator: Calibrator, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The logits, each part of the rows calibrated by what the others tell."""
    part = np.random.default_rng(0).permutation(len(logits)) % _PARTS
    crossed = np.empty_like(logits)
    for inside in (part == number for number in range(_PARTS)):
        other = copy.deepcopy(calibrator)
        other.fit(logits[~inside], labels[~inside], weights[~inside])
        crossed[inside] = other(tf.constant(logits[inside]))
    return crossed


def _measured(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    has_classes = logits.ndim > 1
    loss = (SoftmaxLogloss if has_classes else SigmoidLogloss)("logloss")
    loss.update_state(labels, logits, weights)
    if has_classes:
        logits, labels = likeliest(logits, labels)
    metrics: list[keras.metrics.Metric] = [ECE("ece"), COPC("copc")]
    for metric in metrics:
        metric.update_state(labels, logits, weights)
    return {metric.name: float(metric.result()) for metric in [loss, *metrics]}
