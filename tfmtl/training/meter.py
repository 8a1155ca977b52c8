"""What an evaluation measures of a task, over all batches: its loss and its metrics."""

from __future__ import annotations

import numpy as np
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
        reliability_bins: Bins of its reliability table, if the task is binary; 0 for no table.
    """

    def __init__(self, task: Task, reliability_bins: int = 0) -> None:
        self.task = task
        self.loss = keras.metrics.Mean(f"loss_{task.name}", dtype="float64")
        self.term_losses = {
            name: keras.metrics.Mean(f"loss_{name}", dtype="float64") for name in task.several_terms
        }
        self.task_metrics = task.new_metrics()
        self.label_range = Range(1)
        self.logit_range = Range(task.units)
        self.reliability = task.new_reliability(reliability_bins)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Everything measured, with the name it is reported by."""
        own = [self.loss, *self.term_losses.values()] if self.task.trained else []
        return [*own, *self.task_metrics]

    @property
    def rows(self) -> int:
        """Rows of the sample space so far."""
        return int(self.loss.count)

    def reset(self) -> None:
        """Forgets all rows."""
        losses, ranges = (
            [self.loss, *self.term_losses.values()],
            [self.label_range, self.logit_range],
        )
        tables = [] if self.reliability is None else [self.reliability]
        for each in (*losses, *self.task_metrics, *ranges, *tables):
            each.reset_state()

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
        label, weight = self.task.space.rows(targets)
        rows = tf.math.count_nonzero(weight, dtype=tf.float64)
        self.loss.update_state(0.0 if loss is None else loss, rows)
        for name, term_loss in self.term_losses.items():
            term_loss.update_state(losses[f"loss_{name}"], rows)
        in_space = tf.not_equal(weight, 0.0)
        self.label_range.update(label[:, None], in_space)
        self.logit_range.update(logits, in_space)
        self.task.measure(self.task_metrics, label, logits, weight, targets)
        if self.reliability is not None:
            self.task.update_reliability(self.reliability, label, logits, weight)
        return loss


class Range:
    """The smallest and the largest value so far.

    Args:
        width: Numbers in a row.
    """

    def __init__(self, width: int) -> None:
        self._low = tf.Variable(tf.fill([width], float("inf")), trainable=False)
        self._high = tf.Variable(tf.fill([width], -float("inf")), trainable=False)

    def update(self, rows: tf.Tensor, counts: tf.Tensor) -> None:
        """Adds a batch.

        Args:
            rows: `(batch, width)`.
            counts: Whether a row counts, `(batch,)` booleans.
        """
        rows, counts = tf.cast(rows, tf.float32), counts[:, None]
        low = tf.reduce_min(tf.where(counts, rows, float("inf")), axis=0)
        high = tf.reduce_max(tf.where(counts, rows, -float("inf")), axis=0)
        self._low.assign(tf.minimum(self._low, low))
        self._high.assign(tf.maximum(self._high, high))

    def reset_state(self) -> None:
        """Forgets all rows."""
        self._low.assign(tf.fill(self._low.shape, float("inf")))
        self._high.assign(tf.fill(self._high.shape, -float("inf")))

    @property
    def low(self) -> np.ndarray:
        """The smallest values, `(width,)`."""
        return self._low.numpy()

    @property
    def high(self) -> np.ndarray:
        """The largest values, `(width,)`."""
        return self._high.numpy()

    @property
    def is_finite(self) -> bool:
        """Whether all values were numbers, none of them infinite."""
        return bool(np.isfinite([self.low, self.high]).all())

    def is_constant(self, tolerance: float = 0.0) -> bool:
        """Whether all rows are the same.

        Args:
            tolerance: What they may differ by, relative to the largest value.
        """
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        return bool(np.all(self.high - self.low <= tolerance * size))
