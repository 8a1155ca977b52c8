"""Precision and recall at a threshold of the probability.

precision = Σ w·[p ≥ t]·[y > 0] / Σ w·[p ≥ t]
recall    = Σ w·[p ≥ t]·[y > 0] / Σ w·[y > 0]
"""

from __future__ import annotations

import abc
import math
from typing import Any

import tensorflow as tf
import tf_keras as keras


class _Share(keras.metrics.Metric, abc.ABC):
    """A share of rows that are predicted positive. Reads the logit.

    Args:
        name: Name of the metric.
        threshold: The probability, between 0 and 1, from which on a row is predicted positive.
    """

    def __init__(self, name: str, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.threshold = threshold
        # Compared as logits: single precision rounds large probabilities to 1.
        self._logit = math.log(threshold) - math.log1p(-threshold)
        self.hits = self.add_weight("hits", initializer="zeros")
        self.whole = self.add_weight("whole", initializer="zeros")

    @abc.abstractmethod
    def of_which(self, is_positive: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        """The rows that make the whole, `(batch,)` booleans."""

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch.

        Args:
            label: `(batch,)`; a row is positive if it is above 0.
            prediction: Logits, `(batch,)`.
            weight: `(batch,)`; 0 leaves a row out.
        """
        label, logit = tf.convert_to_tensor(label), tf.convert_to_tensor(prediction)
        weight = tf.cast(weight, self.dtype)
        broken = tf.math.is_nan(logit) & (weight != 0.0)
        weight = tf.where(~broken, weight, float("nan"))
        is_positive, predicted = label > 0.0, (logit >= self._logit) | broken
        hits = is_positive & predicted
        self.hits.assign_add(tf.reduce_sum(tf.where(hits, weight, 0.0)))
        whole = self.of_which(is_positive, predicted) | broken
        self.whole.assign_add(tf.reduce_sum(tf.where(whole, weight, 0.0)))

    def result(self) -> tf.Tensor:
        """The share among all rows so far."""
        return self.hits / self.whole


class Precision(_Share):
    """Share of the rows predicted positive that are positive."""

    @property
    def undefined(self) -> str:
        """Why it may have no value."""
        return f"because no prediction in its sample space reaches {self.threshold:g}"

    def of_which(self, is_positive: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return predicted


class Recall(_Share):
    """Share of the positive rows that are predicted positive."""

    undefined = "because no label in its sample space is above 0"

    def of_which(self, is_positive: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return is_positive
