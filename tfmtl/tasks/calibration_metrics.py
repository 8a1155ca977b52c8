"""How well probabilities agree with what happens: COPC, normalized entropy, ECE, reliability.

    COPC = Σ w·y / Σ w·p                          1 is best
    NE   = logloss / H(ȳ),   H(ȳ) = −ȳ·log ȳ − (1 − ȳ)·log(1 − ȳ)
    ECE  = Σ_b (W_b / W)·|ȳ_b − p̄_b|              over bins b of rows with near predictions

All read the logit of a binary task, keep nothing but sums, and so add up over batches, workers and
slices. Sums are kept in double precision, because evaluations are long.

References:
    He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014
    Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks import losses
from tfmtl.tasks.logit_axis import slot_of

# Bins of equal weight are made of slots on the logit axis, of 1/64 each.
_SLOTS = 2048


class COPC(keras.metrics.Metric):
    """Sum of the labels over the sum of the probabilities; NaN as long as there is no row."""

    def __init__(self, name: str = "copc", **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.labels = self.add_weight("labels", initializer="zeros")
        self.predictions = self.add_weight("predictions", initializer="zeros")

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch.

        Args:
            label: `(batch,)`.
            prediction: Logits, `(batch,)`.
            weight: `(batch,)`; 0 leaves a row out.
        """
        label, weight = tf.cast(label, self.dtype), tf.cast(weight, self.dtype)
        probability = tf.sigmoid(tf.cast(prediction, self.dtype))
        self.labels.assign_add(_weighted_sum(label, weight))
        self.predictions.assign_add(_weighted_sum(probability, weight))

    def result(self) -> tf.Tensor:
        """COPC of all rows so far."""
        return self.labels / self.predictions


class NormalizedEntropy(keras.metrics.Metric):
    """Logloss over that of the mean label; not finite where all labels are of one class."""

    def __init__(self, name: str = "normalized_entropy", **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.total = self.add_weight("total", initializer="zeros")
        self.labels = self.add_weight("labels", initializer="zeros")
        self.weight = self.add_weight("weight", initializer="zeros")

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch; arguments as of `COPC`."""
        label, weight = tf.cast(label, self.dtype), tf.cast(weight, self.dtype)
        entropy = losses.sigmoid_cross_entropy(label, tf.cast(prediction, self.dtype))
        self.total.assign_add(_weighted_sum(entropy, weight))
        self.labels.assign_add(_weighted_sum(label, weight))
        self.weight.assign_add(tf.reduce_sum(weight))

    def result(self) -> tf.Tensor:
        """Normalized entropy of all rows so far."""
        rate = self.labels / self.weight
        entropy = -_x_log_x(rate) - _x_log_x(1.0 - rate)
        return self.total / (self.weight * entropy)


class BinnedSums(keras.metrics.Metric):
    """Sums over bins of rows with near predictions, (4, bins): rows, w, w·p and w·y.

    Args:
        name: Name of the metric.
        num_bins: Number of bins.
        equal_width: Whether bins are of equal width in p. Otherwise they are of equal weight: a
            row is in the bin that the middle of its slot's weight is in, with all rows of its slot.
    """

    def __init__(
        self,
        name: str = "binned_sums",
        num_bins: int = 20,
        equal_width: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.num_bins = num_bins
        self.equal_width = equal_width
        self._slots = num_bins if equal_width else _SLOTS
        self.sums = self.add_weight("sums", shape=(4, self._slots), initializer="zeros")

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch; arguments as of `COPC`."""
        label, weight = tf.cast(label, self.dtype), tf.cast(weight, self.dtype)
        logit = tf.cast(prediction, self.dtype)
        probability = tf.sigmoid(logit)
        # A logit that is not a number has no bin, and must not pass for one that has.
        weight += tf.where(weight != 0.0, 0.0 * probability, tf.zeros_like(weight))
        values = tf.stack(
            [
                tf.cast(weight != 0.0, self.dtype),
                weight,
                tf.math.multiply_no_nan(probability, weight),
                tf.math.multiply_no_nan(label, weight),
            ],
            axis=1,
        )
        slot = self._slot(logit, probability)
        self.sums.assign_add(tf.transpose(tf.math.unsorted_segment_sum(values, slot, self._slots)))

    def result(self) -> tf.Tensor:
        """The sums of all rows so far, `(4, bins)`; bins may be empty."""
        if self.equal_width:
            return tf.identity(self.sums)
        weight = self.sums[1]
        middle = tf.cumsum(weight, exclusive=True) + weight / 2
        place = tf.math.divide_no_nan(middle, tf.reduce_sum(weight)) * self.num_bins
        # What is not a number would have no place in an integer.
        place = tf.where(tf.math.is_nan(place), tf.zeros_like(place), place)
        bins = tf.clip_by_value(tf.cast(place, tf.int32), 0, self.num_bins - 1)
        return tf.transpose(
            tf.math.unsorted_segment_sum(tf.transpose(self.sums), bins, self.num_bins)
        )

    def reset_state(self) -> None:
        """Forgets all rows."""
        self.sums.assign(tf.zeros_like(self.sums))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "num_bins": self.num_bins, "equal_width": self.equal_width}

    def _slot(self, logit: tf.Tensor, probability: tf.Tensor) -> tf.Tensor:
        if not self.equal_width:
            return slot_of(logit, self._slots)
        place = probability * self.num_bins
        place = tf.where(tf.math.is_nan(place), tf.zeros_like(place), place)
        return tf.minimum(tf.cast(place, tf.int32), self._slots - 1)


class ECE(BinnedSums):
    """Expected calibration error; NaN as long as there is no row. Arguments as of `BinnedSums`."""

    def __init__(
        self, name: str = "ece", num_bins: int = 20, equal_width: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(name, num_bins, equal_width, **kwargs)

    def result(self) -> tf.Tensor:
        """ECE of all rows so far."""
        _, weight, probability, label = tf.unstack(super().result())
        return tf.reduce_sum(tf.abs(label - probability)) / tf.reduce_sum(weight)


class Reliability(NamedTuple):
    """A bin of a reliability table.

    Args:
        rows: Their number.
        weight: Their weight.
        mean_prediction: Their mean probability.
        mean_label: Their mean label.
        copc: `mean_label / mean_prediction`; None where nothing is predicted to happen.
    """

    rows: int
    weight: float
    mean_prediction: float
    mean_label: float
    copc: float | None


class ReliabilityTable:
    """What happens at each level of prediction, in bins of equal weight.

    Args:
        num_bins: Number of bins. Rows of equal predictions are in one, so there may be fewer.

    Example:
    >>> table = ReliabilityTable(num_bins=2)
    >>> table.update_state(label=[0.0, 1.0], prediction=[0.0, 0.0], weight=[1.0, 3.0])
    >>> table.result()
    [Reliability(rows=2, weight=4.0, mean_prediction=0.5, mean_label=0.75, copc=1.5)]
    """

    def __init__(self, num_bins: int) -> None:
        self.sums = BinnedSums("reliability", num_bins)

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch; arguments as of `COPC`."""
        self.sums.update_state(label, prediction, weight)

    def reset_state(self) -> None:
        """Forgets all rows."""
        self.sums.reset_state()

    def result(self) -> list[Reliability]:
        """The bins that have rows, by their prediction from low to high.

        There are none if a prediction was not a number.
        """
        sums = np.asarray(self.sums.result())
        return [_reliability(*each) for each in sums.T if each[1] > 0]


def _reliability(rows: float, weight: float, probability: float, label: float) -> Reliability:
    copc = float(label / probability) if probability > 0 else None
    return Reliability(
        int(rows), float(weight), float(probability / weight), float(label / weight), copc
    )


def _weighted_sum(values: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.math.multiply_no_nan(values, weight))


def _x_log_x(x: tf.Tensor) -> tf.Tensor:
    return tf.math.multiply_no_nan(tf.math.log(x), x)
