"""Metrics of the batches that a training learns from: `eval_config.eval_online`.

A batch is measured by what the model said of it before it learned from it, in the step's own pass,
with dropout and the like on. The metrics are those of evaluations, over the batches since they were
last told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfmtl.tasks.space import Targets
from tfmtl.tasks.task import Task


class OnlineMetrics:
    """The metrics of tasks over the batches since they were last told.

    Args:
        tasks: What is measured, judges included.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._measured = [(task, task.new_metrics()) for task in tasks]

    def update(self, logits: Mapping[str, tf.Tensor], targets: Targets) -> None:
        """Adds a batch.

        Args:
            logits: `(batch, units)` by task.
            targets: Columns by name, `(batch,)` each.
        """
        for task, metrics in self._measured:
            task.update_metrics(metrics, logits[task.name], targets)

    def take(self) -> dict[str, float | None]:
        """The metrics by name, None for one without a value; the next batch begins anew."""
        metrics = [metric for _, each in self._measured for metric in each]
        values = {metric.name: float(metric.result()) for metric in metrics}
        for metric in metrics:
            metric.reset_state()
        return {name: value if math.isfinite(value) else None for name, value in values.items()}
