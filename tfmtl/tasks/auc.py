"""The area under the ROC curve, from a stream of batches.

    AUC = P(c⁺ > c⁻) + ½·P(c⁺ = c⁻)

for a positive row's logit c⁺ and a negative one's c⁻. Exact AUC sorts all rows; this one counts
them in two histograms, of positives and of negatives, and takes rows of one bin for ties, which is
the trapezoid rule. The bins are even on the logit axis and not on that of probabilities, because
the rare events of a recommender would share a few bins near 0 there.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

# Logits beyond it share the outermost bins: σ(-16) is 1e-7.
_RANGE = 16.0


class AUC(keras.metrics.Metric):
    """Streaming, weighted AUC of logits; NaN as long as one of the classes has not been seen.

    Args:
        name: Name of the metric.
        num_thresholds: Number of bins between logits -16 and 16.

    Example:
    >>> auc = AUC("auc_ctr")
    >>> auc.update_state(label=[0.0, 0.0, 1.0], prediction=[-2.0, 1.0, 1.5], weight=[1.0, 1.0, 1.0])
    >>> float(auc.result())
    1.0
    """

    def __init__(self, name: str = "auc", num_thresholds: int = 10_000, **kwargs: Any) -> None:
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

    def result(self) -> tf.Tensor:
        """AUC of all rows so far."""
        negatives, positives = self.counts[0], self.counts[1]
        below = tf.cumsum(negatives, exclusive=True) + negatives / 2
        pairs = tf.reduce_sum(negatives) * tf.reduce_sum(positives)
        return tf.reduce_sum(positives * below) / pairs

    def reset_state(self) -> None:
        """Forgets all rows."""
        self.counts.assign(tf.zeros_like(self.counts))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "num_thresholds": self.num_thresholds}
