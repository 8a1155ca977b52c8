"""Histograms of a binary task's logits: what a stream of rows is reduced to.

Rows are counted in two histograms, of positives and of negatives, whose bins are the slots of the
logit axis.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.logit_axis import slot_of


class LogitHistograms(keras.metrics.Metric):
    """Counts of a stream of rows, by class and by logit.

    Args:
        name: Name of the metric.
        num_thresholds: Number of bins between logits -16 and 16.
    """

    def __init__(self, name: str, num_thresholds: int = 10_000, **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.num_thresholds = num_thresholds
        self.counts = self.add_weight("counts", shape=(2, num_thresholds), initializer="zeros")

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Counts a batch.

        Args:
            label: `(batch,)`; a row is positive if it is above 0.
            prediction: Logits (log-odds), `(batch,)`.
            weight: `(batch,)`; 0 leaves a row out.
        """
        label, logit = tf.convert_to_tensor(label), tf.convert_to_tensor(prediction)
        # A logit that is not a number has no bin, and must not pass for one that has.
        broken = tf.math.is_nan(logit) & tf.not_equal(weight, 0)
        weight = tf.where(broken, float("nan"), weight)
        slot = slot_of(logit, self.num_thresholds) + self.num_thresholds * tf.cast(
            label > 0, tf.int32
        )
        counts = tf.math.unsorted_segment_sum(
            tf.cast(weight, self.dtype), slot, 2 * self.num_thresholds
        )
        self.counts.assign_add(tf.reshape(counts, (2, self.num_thresholds)))

    def reset_state(self) -> None:
        """Forgets all rows."""
        self.counts.assign(tf.zeros_like(self.counts))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "num_thresholds": self.num_thresholds}
