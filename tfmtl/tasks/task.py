"""A task: one thing to predict, from its logits to its loss, its metrics and what is served."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.calibration import Calibration
from tfmtl.tasks.calibration_metrics import ReliabilityTable
from tfmtl.tasks.heads import Head
from tfmtl.tasks.losses.distilled import DistilledLoss
from tfmtl.tasks.space import SampleSpace, Targets
from tfmtl.tasks.terms import Term


class Task:
    """One thing to predict.

    Args:
        name: Its `tower_name`.
        head: What it makes of its logits.
        space: The rows it learns from and is measured on.
        weight: Factor of its loss in the total.
        trained: Whether it has a loss of its own.
        metrics: Parameters of each metric to measure, by its name in the config; by default the
            head's default metrics.
        suffix: What its metrics' names end in; by default its name.
        terms: What its loss is made of; by default the head's own loss.

    Example:
    >>> task = Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click")))
    >>> loss = task.loss(tf.zeros((2, 1)), {"click": tf.constant([1.0, float("nan")])})
    >>> print(f"{loss:.4f}")
    0.6931
    """

    def __init__(
        self,
        name: str,
        head: Head,
        space: SampleSpace,
        weight: float = 1.0,
        trained: bool = True,
        metrics: Mapping[str, Mapping[str, Any]] | None = None,
        suffix: str = "",
        terms: Sequence[Term] | None = None,
    ) -> None:
        self.name = name
        self.head = head
        self.space = space
        self.weight = weight
        self.trained = trained
        self.terms = list(terms or [Term(name, head.loss)]) if trained else []
        self._metrics = {name: {} for name in head.default_metrics} if metrics is None else metrics
        self._suffix = suffix or name
        self.calibration: Calibration | None = None

    @property
    def units(self) -> int:
        """Number of logits."""
        return self.head.units

    @property
    def variables(self) -> list[tf.Variable]:
        """What its losses learn themselves, such as a scale of its logits."""
        return [variable for term in self.terms for variable in term.loss.variables]

    @property
    def target_columns(self) -> list[str]:
        """The columns that its loss and its metrics read; `group_columns` beside."""
        columns = [*self.space.columns, *(c for term in self.terms for c in term.loss.columns)]
        return list(dict.fromkeys(columns))

    @property
    def group_columns(self) -> list[str]:
        """The columns whose values make groups for its metrics, which evaluations alone read."""
        given = ((self.head.metrics[name].grouped_by, its) for name, its in self._metrics.items())
        return list(dict.fromkeys(its[grouped_by] for grouped_by, its in given if grouped_by))

    @property
    def metric_names(self) -> list[str]:
        """The names of its metrics, without its own."""
        return list(self._metrics)

    @property
    def measured_as(self) -> str:
        """What the names of its metrics end in."""
        return self._suffix

    @property
    def counted_as(self) -> str:
        """What the name of the number of its rows ends in."""
        return self._suffix

    def predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is served, by name; `(batch,)` each, or `(batch, classes)`.

        Args:
            logits: `(batch, units)`.
        """
        return self.head.predictions(self.name, self._judged(logits))

    def calibrated(self, calibration: Calibration) -> Task:
        """The same task with its logits calibrated before they are predictions or are measured.

        Its losses are of the logits as they come.
        """
        task = copy.copy(self)
        task.calibration = calibration
        return task

    def loss_terms(self, logits: tf.Tensor, targets: Targets) -> dict[str, tf.Tensor]:
        """The terms of the loss over the task's sample space, without their weights.

        Each is 0 if the space is empty, and NaN, with a gradient that is not, if a label in the
        space cannot be learned or a weight is negative; `label_error` then says which.

        Args:
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.

        Returns:
            Scalars by the terms' names, in the order of `terms`.
        """
        label, weight = self.space.rows(targets)
        logits = tf.cast(logits, tf.float32)
        is_wrong = (weight != 0.0) & ~(self.head.accepts(label) & (weight >= 0.0))
        poison = tf.where(tf.reduce_any(is_wrong), float("nan"), 0.0)
        return {
            term.name: term.loss(label, logits, weight, targets) + poison for term in self.terms
        }

    def loss(self, logits: tf.Tensor, targets: Targets) -> tf.Tensor | None:
        """The weighted sum of the terms, without the task's weight.

        Args:
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.

        Returns:
            A scalar, or None for a task without a loss of its own.
        """
        return self.losses(logits, targets).get(f"loss_{self.name}")

    def losses(self, logits: tf.Tensor, targets: Targets) -> dict[str, tf.Tensor]:
        """`loss_<task>`, which is `loss`, and of several terms each `loss_<term>`, without weights.

        Args:
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.

        Returns:
            Scalars by name; none for a task without a loss of its own.
        """
        return self.named_losses(self.loss_terms(logits, targets)) if self.trained else {}

    def named_losses(self, values: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What `losses` gives.

        Args:
            values: The terms, as `loss_terms` gives them.
        """
        total = tf.add_n([term.weight * values[term.name] for term in self.terms])
        several = {f"loss_{name}": values[name] for name in self.several_terms}
        return {f"loss_{self.name}": total, **several}

    @property
    def several_terms(self) -> list[str]:
        """The names of the terms, if there are more than one."""
        return [term.name for term in self.terms] if len(self.terms) > 1 else []

    def new_metrics(self) -> list[keras.metrics.Metric]:
        """The metrics to measure, fresh, named `<metric>_<task>`."""
        return [
            self.head.metrics[name].kind(name=f"{name}_{self._suffix}", **self._arguments(name))
            for name in self._metrics
        ]

    def _arguments(self, name: str) -> dict[str, Any]:
        """The parameters of a metric; the column of its groups is `column`."""
        its, grouped_by = dict(self._metrics[name]), self.head.metrics[name].grouped_by
        return {"column": its.pop(grouped_by), **its} if grouped_by else its

    def new_reliability(self, num_bins: int) -> ReliabilityTable | None:
        """A fresh reliability table; None for a task that is not binary, and for no bins."""
        is_binary = "ece" in self.head.metrics
        return ReliabilityTable(num_bins) if num_bins and is_binary else None

    def update_reliability(
        self, table: ReliabilityTable, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor
    ) -> None:
        """Adds rows to a table that `new_reliability` made; arguments as of `measure`."""
        table.update_state(label, self.head.metrics["ece"].reads(self._judged(logits)), weight)

    def update_metrics(
        self, metrics: Sequence[keras.metrics.Metric], logits: tf.Tensor, targets: Targets
    ) -> None:
        """Adds a batch to metrics that `new_metrics` made.

        Args:
            metrics: All of them, in their order.
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.
        """
        label, weight = self.space.rows(targets)
        self.measure(metrics, label, logits, weight, targets)

    def measure(
        self,
        metrics: Sequence[keras.metrics.Metric],
        label: tf.Tensor,
        logits: tf.Tensor,
        weight: tf.Tensor,
        groups: Mapping[str, tf.Tensor],
    ) -> None:
        """Adds rows to metrics that `new_metrics` made.

        Args:
            metrics: All of them, in their order.
            label: `(rows,)`.
            logits: `(rows, units)`.
            weight: `(rows,)`, 0 outside of the sample space.
            groups: Columns by name, `(rows,)` each; `group_columns` are among them.
        """
        logits = self._judged(logits)
        for name, metric in zip(self._metrics, metrics, strict=True):
            offered = self.head.metrics[name]
            group = [groups[self._metrics[name][offered.grouped_by]]] if offered.grouped_by else []
            metric.update_state(label, offered.reads(logits), weight, *group)

    def label_error(self, targets: Targets) -> str | None:
        """What is wrong with the labels or weights of a batch, in a sentence; None if nothing is.

        Args:
            targets: Columns by name, `(batch,)` each, of eager tensors.
        """
        label, weight = self.space.rows(targets)
        if tf.reduce_any(weight < 0.0):
            return (
                f"The weights of rows of task `{self.name}` should be at least 0. "
                f"Received: {tf.reduce_min(weight):g}."
            )
        wrong = (weight != 0.0) & ~self.head.accepts(label)
        if not tf.reduce_any(wrong):
            return self._teacher_error(targets)
        columns = ", ".join(f"`{column}`" for column in self.space.label.columns)
        values = ", ".join(f"{value:g}" for value in np.unique(label[wrong])[:3])
        return (
            f"The label of task `{self.name}` ({columns}) should be {self.head.labels}. "
            f"Received: {values}."
        )

    def _judged(self, logits: tf.Tensor) -> tf.Tensor:
        """The logits that are served and measured, in single precision."""
        logits = tf.cast(logits, tf.float32)
        return logits if self.calibration is None else self.calibration(logits)

    def _teacher_error(self, targets: Targets) -> str | None:
        """What is wrong with the teachers' predictions."""
        teachers = [each.loss for each in self.terms if isinstance(each.loss, DistilledLoss)]
        problems = (teacher.label_error(targets) for teacher in teachers)
        return next((problem for problem in problems if problem), None)
