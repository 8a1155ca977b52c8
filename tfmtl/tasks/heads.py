"""Heads: what a task makes of its logits.

A head knows how many logits it needs, what is served, the loss of a row, which labels it can learn
and what its metrics read. A new kind of task is a new head; nothing else asks for the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks import losses
from tfmtl.tasks.auc import AUC
from tfmtl.tasks.metrics import (
    BinaryAccuracy,
    ClassAccuracy,
    MeanAbsoluteError,
    MeanLabel,
    MeanPrediction,
    MeanSquaredError,
    RootMeanSquaredError,
    SigmoidLogloss,
    SoftmaxLogloss,
)


class Metric(NamedTuple):
    """A metric a head offers.

    Args:
        kind: Makes the metric from a name and the parameters of its config message.
        reads: Turns logits `(batch, units)` into what the metric takes for the prediction.
    """

    kind: Callable[..., keras.metrics.Metric]
    reads: Callable[[tf.Tensor], tf.Tensor]


class Head(Protocol):
    """What a task makes of its logits."""

    @property
    def units(self) -> int:
        """Number of logits."""

    @property
    def labels(self) -> str:
        """In words, the labels it can learn."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics it offers, by their name in the config."""

    @property
    def default_metrics(self) -> Sequence[str]:
        """Names of those that are measured when the config names none."""

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is served, by name."""

    def losses(self, label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The loss of each row, `(batch,)`."""

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        """Whether each label can be learned, `(batch,)` booleans."""


def _only(logits: tf.Tensor) -> tf.Tensor:
    return tf.squeeze(logits, axis=-1)


def _probability(logits: tf.Tensor) -> tf.Tensor:
    return tf.sigmoid(_only(logits))


def _all(logits: tf.Tensor) -> tf.Tensor:
    return logits


def _log_odds(logits: tf.Tensor) -> tf.Tensor:
    return logits[:, 1] - logits[:, 0]


class BinaryHead:
    """One logit: the log-odds that an event happens. A label between 0 and 1 is a soft one."""

    units = 1
    labels = "from 0 to 1"
    default_metrics = ("auc", "logloss")
    metrics: ClassVar[Mapping[str, Metric]] = {
        "auc": Metric(AUC, _only),
        "logloss": Metric(SigmoidLogloss, _only),
        "accuracy": Metric(BinaryAccuracy, _only),
        "mean_squared_error": Metric(MeanSquaredError, _probability),
        "root_mean_squared_error": Metric(RootMeanSquaredError, _probability),
        "mean_absolute_error": Metric(MeanAbsoluteError, _probability),
        "mean_label": Metric(MeanLabel, _probability),
        "mean_prediction": Metric(MeanPrediction, _probability),
    }

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"probs_{task}": _probability(logits), f"logits_{task}": _only(logits)}

    def losses(self, label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return losses.sigmoid_cross_entropy(label, _only(logits))

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return (label >= 0.0) & (label <= 1.0)


class MultiClassHead:
    """A logit for each class.

    Args:
        num_class: Number of classes, at least 2. With 2, `auc` is of the second against the first.
    """

    default_metrics = ("accuracy", "logloss")

    def __init__(self, num_class: int) -> None:
        self.units = num_class
        self.labels = f"a class, one of 0 to {num_class - 1}"
        self.metrics = {
            "accuracy": Metric(ClassAccuracy, _all),
            "logloss": Metric(SoftmaxLogloss, _all),
        }
        if num_class == 2:
            self.metrics["auc"] = Metric(AUC, _log_odds)

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        probs = tf.nn.softmax(logits)
        return {
            f"probs_{task}": probs,
            f"logits_{task}": logits,
            f"y_{task}": tf.argmax(logits, axis=-1),
            f"probs_{task}_1": probs[:, 1],
            f"logits_{task}_1": logits[:, 1],
            f"probs_{task}_y": tf.reduce_max(probs, axis=-1),
            f"logits_{task}_y": tf.reduce_max(logits, axis=-1),
        }

    def losses(self, label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return losses.softmax_cross_entropy(label, logits)

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return (label >= 0.0) & (label < float(self.units)) & (label == tf.floor(label))


class RegressionHead:
    """One logit, which is the prediction itself."""

    units = 1
    labels = "a finite number"
    default_metrics = ("mean_squared_error", "mean_absolute_error")
    metrics: ClassVar[Mapping[str, Metric]] = {
        "mean_squared_error": Metric(MeanSquaredError, _only),
        "root_mean_squared_error": Metric(RootMeanSquaredError, _only),
        "mean_absolute_error": Metric(MeanAbsoluteError, _only),
        "mean_label": Metric(MeanLabel, _only),
        "mean_prediction": Metric(MeanPrediction, _only),
    }

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"y_{task}": _only(logits)}

    def losses(self, label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return losses.squared_error(label, _only(logits))

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(label)
