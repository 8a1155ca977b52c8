"""The area under the ROC curve, from a stream of batches.

    AUC = P(c⁺ > c⁻) + ½·P(c⁺ = c⁻)

for a positive row's logit c⁺ and a negative one's c⁻. Exact AUC sorts all rows; this one counts
them in two histograms and takes rows of one bin for ties, which is the trapezoid rule.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfmtl.tasks.logit_histograms import LogitHistograms


class AUC(LogitHistograms):
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
        super().__init__(name, num_thresholds, **kwargs)

    def result(self) -> tf.Tensor:
        """AUC of all rows so far."""
        negatives, positives = self.counts[0], self.counts[1]
        below = tf.cumsum(negatives, exclusive=True) + negatives / 2
        pairs = tf.reduce_sum(negatives) * tf.reduce_sum(positives)
        return tf.reduce_sum(positives * below) / pairs
