"""What an evaluation measures of a task, over all batches: its loss and its metrics."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.space import Targets
from tfmtl.tasks.task import Task


class TaskMeter:
    """The loss and the metrics of a task over the rows of its sample space so far.

    The loss is the mean over all of those rows, whichever batches they came in. Sums are kept in
    double precision, because evaluations are long.

    Args:
        task: What to measure.
        reliability_bins: Bins of its reliability table, if the task is binary; 0 for no table.
    """

    def __init__(self, task: Task, reliability_bins: int = 0) -> None:
        self.task = task
        self.loss = keras.metrics.Mean(f"loss_{task.name}", dtype="float64")
        self.task_metrics = task.new_metrics()
        self.reliability = task.new_reliability(reliability_bins)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Everything measured, with the name it is reported by."""
        own = [self.loss] if self.task.trained else []
        return [*own, *self.task_metrics]

    @property
    def rows(self) -> int:
        """Rows of the sample space so far."""
        return int(self.loss.count)

    def reset(self) -> None:
        """Starts anew."""
        for metric in self.metrics:
            metric.reset_state()
        if self.reliability is not None:
            self.reliability.reset_state()

    def update(self, logits: tf.Tensor, targets: Targets) -> tf.Tensor | None:
        """Adds a batch.

        Args:
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.

        Returns:
            The loss of this batch; None for a task without a loss of its own.
        """
        loss = self.task.loss(logits, targets)
        _, weight = self.task.space.rows(targets)
        rows = tf.math.count_nonzero(weight, dtype=tf.float64)
        self.loss.update_state(0.0 if loss is None else loss, rows)
        self.task.update_metrics(self.task_metrics, logits, targets)
        if self.reliability is not None:
            self.task.update_reliability(self.reliability, logits, targets)
        return loss
