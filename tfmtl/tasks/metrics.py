"""Metrics that are a weighted mean over the rows of a task's sample space.

    value = Σ w·q(y, ŷ) / Σ w

A metric says what it measures of a row, q; NaN is the answer as long as no row has been in space.
Sums are kept in double precision, because evaluations are long.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks import losses


class RowMean(keras.metrics.Metric):
    """Weighted mean of what `measure` says of each row."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.total = self.add_weight("total", initializer="zeros")
        self.weight = self.add_weight("weight", initializer="zeros")

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        """`(batch,)` values of the rows."""
        raise NotImplementedError

    def update_state(self, label: tf.Tensor, prediction: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds a batch.

        Args:
            label: `(batch,)`.
            prediction: What the metric reads, `(batch,)` or `(batch, classes)`.
            weight: `(batch,)`; 0 leaves a row out.
        """
        label, prediction = tf.convert_to_tensor(label), tf.convert_to_tensor(prediction)
        values = tf.cast(self.measure(label, prediction), self.dtype)
        weight = tf.cast(weight, self.dtype)
        self.total.assign_add(tf.reduce_sum(tf.math.multiply_no_nan(values, weight)))
        self.weight.assign_add(tf.reduce_sum(weight))

    def result(self) -> tf.Tensor:
        """Mean of all rows so far."""
        return self.total / self.weight


class SigmoidLogloss(RowMean):
    """Cross entropy of a binary task. Reads the logit."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return losses.sigmoid_cross_entropy(label, prediction)


class SoftmaxLogloss(RowMean):
    """Cross entropy of a multi-class task. Reads the logits of all classes."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return losses.softmax_cross_entropy(label, prediction)


class BinaryAccuracy(RowMean):
    """Share of rows where "probability at least ½" and "label above 0" agree. Reads the logit."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return _or_nan((prediction >= 0) == (label > 0), prediction)


class ClassAccuracy(RowMean):
    """Share of rows whose likeliest class is the label. Reads the logits of all classes."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return _or_nan(tf.cast(tf.argmax(prediction, axis=-1), label.dtype) == label, prediction)


class RecallAtTopK(RowMean):
    """Share of rows whose class is among the k likeliest. Reads the logits of all classes.

    Of classes with equal logits the first are taken, as by `ClassAccuracy`, which is k = 1.

    Args:
        name: Name of the metric.
        topk: k.
    """

    def __init__(self, name: str, topk: int = 5, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.topk = topk

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        classes = tf.math.top_k(prediction, tf.minimum(self.topk, tf.shape(prediction)[-1])).indices
        found = tf.reduce_any(tf.cast(classes, label.dtype) == label[:, None], axis=-1)
        return _or_nan(found, prediction)


class MeanSquaredError(RowMean):
    """Mean of `(ŷ - y)²`."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return losses.squared_error(label, prediction)


class RootMeanSquaredError(MeanSquaredError):
    """Square root of the mean of `(ŷ - y)²`."""

    def result(self) -> tf.Tensor:
        return tf.sqrt(super().result())


class MeanAbsoluteError(RowMean):
    """Mean of `|ŷ - y|`."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return losses.absolute_error(label, prediction)


class MeanLabel(RowMean):
    """Mean of `y`: the base rate of a binary task."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return label


class MeanPrediction(RowMean):
    """Mean of `ŷ`; beside `MeanLabel` it tells whether a task is calibrated on the whole."""

    def measure(self, label: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
        return prediction


def _or_nan(is_right: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """1 where an answer is right and 0 where it is wrong, `(batch,)`; NaN where it is no number."""
    broken = tf.math.is_nan(prediction)
    if broken.shape.rank > 1:
        broken = tf.reduce_any(broken, axis=-1)
    return tf.where(broken, float("nan"), tf.cast(is_right, tf.float32))
