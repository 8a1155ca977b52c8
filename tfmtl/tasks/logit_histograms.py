"""Histograms of a binary task's logits: what a stream of rows is reduced to.

Rows are counted in two histograms, of positives and of negatives. The bins are even on the logit
axis and not on that of probabilities, because the rare events of a recommender would share a few
bins near 0 there.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

# Logits beyond it share the outermost bins: σ(-16) is 1e-7.
_RANGE = 16.0


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
        slot = self._bin(logit) + self.num_thresholds * tf.cast(label > 0, tf.int32)
        counts = tf.math.unsorted_segment_sum(
            tf.cast(weight, self.dtype), slot, 2 * self.num_thresholds
        )
        self.counts.assign_add(tf.reshape(counts, (2, self.num_thresholds)))

    def _bin(self, logit: tf.Tensor) -> tf.Tensor:
        logit = tf.where(tf.math.is_nan(logit), 0.0, tf.clip_by_value(logit, -_RANGE, _RANGE))
        place = (logit + _RANGE) * (self.num_thresholds / (2 * _RANGE))
        return tf.minimum(tf.cast(place, tf.int32), self.num_thresholds - 1)

    def reset_state(self) -> None:
        """Forgets all rows."""
        self.counts.assign(tf.zeros_like(self.counts))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "num_thresholds": self.num_thresholds}
