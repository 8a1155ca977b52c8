"""Which metrics a kind of task offers, and what each of them reads of its logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.auc import AUC
from tfmtl.tasks.calibration_metrics import COPC, ECE, NormalizedEntropy
from tfmtl.tasks.max_f1 import MaxF1
from tfmtl.tasks.metrics import (
    BinaryAccuracy,
    ClassAccuracy,
    MeanAbsoluteError,
    MeanLabel,
    MeanPrediction,
    MeanSquaredError,
    RecallAtTopK,
    RootMeanSquaredError,
    SigmoidLogloss,
    SoftmaxLogloss,
)
from tfmtl.tasks.row_metrics import ExactAUC, GroupedAUC, NDCGAtK, PrecisionAtK, RecallAtK
from tfmtl.tasks.thresholds import Precision, Recall


class Metric(NamedTuple):
    """A metric a head offers.

    Args:
        kind: Makes the metric from a name and the parameters of its config message.
        reads: Turns logits `(batch, units)` into what the metric takes for the prediction.
        grouped_by: The parameter that names the column whose values make groups of rows; "" for a
            metric of single rows. The metric takes it as its `column`, and is given the column's
            values, too.
    """

    kind: Callable[..., keras.metrics.Metric]
    reads: Callable[[tf.Tensor], tf.Tensor]
    grouped_by: str = ""


def only(logits: tf.Tensor) -> tf.Tensor:
    """The one logit of each row, `(batch,)`."""
    return tf.squeeze(logits, axis=-1)


def probability(logits: tf.Tensor) -> tf.Tensor:
    """σ of the one logit of each row, `(batch,)`."""
    return tf.sigmoid(only(logits))


def _all(logits: tf.Tensor) -> tf.Tensor:
    return logits


def log_odds(logits: tf.Tensor) -> tf.Tensor:
    """Of two logits, the second against the first, `(batch, 1)`."""
    return logits[:, 1:] - logits[:, :1]


def of(read: Callable[[tf.Tensor], tf.Tensor], metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Metrics of what `read` makes of a head's logits, such as `(batch, units)` for its own.

    Args:
        read: Makes of the logits what the metrics take for logits.
        metrics: The metrics.
    """

    def reads_of(reads: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        return lambda logits: reads(read(logits))

    return {name: each._replace(reads=reads_of(each.reads)) for name, each in metrics.items()}


def _auc(name: str, num_thresholds: int = 10_000, exact: bool = False) -> keras.metrics.Metric:
    return ExactAUC(name) if exact else AUC(name, num_thresholds)


# Those of a binary task that ask for the order of the rows, or for a threshold.
_ORDERS: Mapping[str, Metric] = {
    "auc": Metric(_auc, only),
    "gauc": Metric(GroupedAUC, only, grouped_by="uid_field"),
    "session_auc": Metric(GroupedAUC, only, grouped_by="session_id_field"),
    "max_f1": Metric(MaxF1, only),
    "precision": Metric(Precision, only),
    "recall": Metric(Recall, only),
    "precision_at_k": Metric(PrecisionAtK, only, grouped_by="group_field"),
    "recall_at_k": Metric(RecallAtK, only, grouped_by="group_field"),
    "ndcg_at_k": Metric(NDCGAtK, only, grouped_by="group_field"),
}
BINARY: Mapping[str, Metric] = {
    **_ORDERS,
    "logloss": Metric(SigmoidLogloss, only),
    "accuracy": Metric(BinaryAccuracy, only),
    "mean_squared_error": Metric(MeanSquaredError, probability),
    "root_mean_squared_error": Metric(RootMeanSquaredError, probability),
    "mean_absolute_error": Metric(MeanAbsoluteError, probability),
    "mean_label": Metric(MeanLabel, probability),
    "mean_prediction": Metric(MeanPrediction, probability),
    "copc": Metric(COPC, only),
    "normalized_entropy": Metric(NormalizedEntropy, only),
    "ece": Metric(ECE, only),
}
CLASSES: Mapping[str, Metric] = {
    "accuracy": Metric(ClassAccuracy, _all),
    "logloss": Metric(SoftmaxLogloss, _all),
    "recall_at_topk": Metric(RecallAtTopK, _all),
}
# With two classes there is an order as well: of the second against the first.
TWO_CLASSES: Mapping[str, Metric] = {**CLASSES, **of(log_odds, _ORDERS)}
REGRESSION: Mapping[str, Metric] = {
    "mean_squared_error": Metric(MeanSquaredError, only),
    "root_mean_squared_error": Metric(RootMeanSquaredError, only),
    "mean_absolute_error": Metric(MeanAbsoluteError, only),
    "mean_label": Metric(MeanLabel, only),
    "mean_prediction": Metric(MeanPrediction, only),
    "ndcg_at_k": Metric(NDCGAtK, only, grouped_by="group_field"),
}
# Labels that tell only an order may be any numbers, so that no probability can be judged by them.
RANKING: Mapping[str, Metric] = {
    name: BINARY[name] for name in ("auc", "mean_label", "mean_prediction")
}
