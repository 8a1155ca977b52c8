"""Which metrics a kind of task offers, and what each of them reads of its logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

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


def only(logits: tf.Tensor) -> tf.Tensor:
    """The one logit of each row, `(batch,)`."""
    return tf.squeeze(logits, axis=-1)


def probability(logits: tf.Tensor) -> tf.Tensor:
    """σ of the one logit of each row, `(batch,)`."""
    return tf.sigmoid(only(logits))


def _all(logits: tf.Tensor) -> tf.Tensor:
    return logits


def _log_odds(logits: tf.Tensor) -> tf.Tensor:
    return logits[:, 1] - logits[:, 0]


def of(read: Callable[[tf.Tensor], tf.Tensor], metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Metrics of what `read` makes of a head's logits, such as `(batch, units)` for its own.

    Args:
        read: Makes of the logits what the metrics take for logits.
        metrics: The metrics.
    """

    def reads_of(reads: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        return lambda logits: reads(read(logits))

    return {name: each._replace(reads=reads_of(each.reads)) for name, each in metrics.items()}


BINARY: Mapping[str, Metric] = {
    "auc": Metric(AUC, only),
    "logloss": Metric(SigmoidLogloss, only),
    "accuracy": Metric(BinaryAccuracy, only),
    "mean_squared_error": Metric(MeanSquaredError, probability),
    "root_mean_squared_error": Metric(RootMeanSquaredError, probability),
    "mean_absolute_error": Metric(MeanAbsoluteError, probability),
    "mean_label": Metric(MeanLabel, probability),
    "mean_prediction": Metric(MeanPrediction, probability),
}
CLASSES: Mapping[str, Metric] = {
    "accuracy": Metric(ClassAccuracy, _all),
    "logloss": Metric(SoftmaxLogloss, _all),
}
# With two classes there is an order as well: of the second against the first.
TWO_CLASSES: Mapping[str, Metric] = {**CLASSES, "auc": Metric(AUC, _log_odds)}
REGRESSION: Mapping[str, Metric] = {
    "mean_squared_error": Metric(MeanSquaredError, only),
    "root_mean_squared_error": Metric(RootMeanSquaredError, only),
    "mean_absolute_error": Metric(MeanAbsoluteError, only),
    "mean_label": Metric(MeanLabel, only),
    "mean_prediction": Metric(MeanPrediction, only),
}
# Labels that tell only an order may be any numbers, so that no probability can be judged by them.
RANKING: Mapping[str, Metric] = {
    name: BINARY[name] for name in ("auc", "mean_label", "mean_prediction")
}
