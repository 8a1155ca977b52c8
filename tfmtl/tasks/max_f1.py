"""The largest F1 over all thresholds, from a stream of batches.

    F1(t) = 2·TP / (2·TP + FP + FN)

where a row is predicted positive if its logit is at least t, and t is any edge of a histogram's
bins. EasyRec has 200 thresholds between 0 and 1, which it compares with logits.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfmtl.tasks.logit_histograms import LogitHistograms


class MaxF1(LogitHistograms):
    """The largest F1 over all thresholds; NaN as long as no positive row has been seen.

    Args:
        name: Name of the metric.
        num_thresholds: Number of thresholds between logits -16 and 16.
    """

    undefined = "because no label in its sample space is above 0"

    def __init__(self, name: str = "max_f1", num_thresholds: int = 10_000, **kwargs: Any) -> None:
        super().__init__(name, num_thresholds, **kwargs)

    def result(self) -> tf.Tensor:
        """The largest F1 of all rows so far."""
        false_positive, true_positive = tf.unstack(tf.cumsum(self.counts, axis=1, reverse=True))
        positives = true_positive[0]
        # FN = positives - TP.
        f1 = tf.math.divide_no_nan(2.0 * true_positive, true_positive + false_positive + positives)
        value = tf.where(positives > 0.0, tf.reduce_max(f1), float("nan"))
        return value + 0.0 * tf.reduce_sum(self.counts)  # NaN if a logit was.
