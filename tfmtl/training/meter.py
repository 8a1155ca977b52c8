"""What an evaluation measures of a task, over all batches: its loss and its metrics."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.space import Targets
from tfmtl.tasks.task import Task


class TaskMeter:
    """The loss and the metrics of a task over the rows of its sample space so far.

    The loss is the mean over all of those rows, whichever batches they came in; so is each of
    several terms. Of a term that is no mean of rows, but of pairs or lists or of a teacher's rows,
    the batches' values are averaged, weighed by their rows. Sums are kept in double precision,
    because evaluations are long.

    Args:
        task: What to measure.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.loss = keras.metrics.Mean(f"loss_{task.name}", dtype="float64")
        self.term_losses = {
            name: keras.metrics.Mean(f"loss_{name}", dtype="float64") for name in task.several_terms
        }
        self.task_metrics = task.new_metrics()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Everything measured, with the name it is reported by."""
        own = [self.loss, *self.term_losses.values()] if self.task.trained else []
        return [*own, *self.task_metrics]

    @property
    def rows(self) -> int:
        """Rows of the sample space so far."""
        return int(self.loss.count)

    def update(self, logits: tf.Tensor, targets: Targets) -> tf.Tensor | None:
        """Adds a batch.

        Args:
            logits: `(batch, units)`.
            targets: Columns by name, `(batch,)` each.

        Returns:
            The loss of this batch; None for a task without a loss of its own.
        """
        losses = self.task.losses(logits, targets)
        loss = losses.get(f"loss_{self.task.name}")
        _, weight = self.task.space.rows(targets)
        rows = tf.math.count_nonzero(weight, dtype=tf.float64)
        self.loss.update_state(0.0 if loss is None else loss, rows)
        for name, term_loss in self.term_losses.items():
            term_loss.update_state(losses[f"loss_{name}"], rows)
        self.task.update_metrics(self.task_metrics, logits, targets)
        return loss
