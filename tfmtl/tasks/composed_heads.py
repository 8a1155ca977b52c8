"""Heads of several logits that together say one thing: an event, a value, a class in order."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks import losses
from tfmtl.tasks.heads import is_class
from tfmtl.tasks.losses import jrc, ordinal, ziln
from tfmtl.tasks.offered import BINARY, CLASSES, REGRESSION, log_odds, of, probability
from tfmtl.tasks.terms import RowLoss


def _column(values: tf.Tensor) -> tf.Tensor:
    """`(batch,)` as the one logit of each row, `(batch, 1)`."""
    return values[:, tf.newaxis]


class TwoLogitsHead:
    """A logit for "no" and one for "yes", as `losses.JRCLoss` learns them."""

    units = 2
    labels = "a class, one of 0 to 1"
    default_metrics = ("auc", "logloss")
    metrics = of(log_odds, BINARY)
    loss = losses.JRCLoss(losses.Sessions(), jrc.fixed(0.5))

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            f"probs_{task}": probability(log_odds(logits)),
            f"pos_logits_{task}": logits[:, 1],
        }

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return is_class(label, self.units)


class ValueHead:
    """A value that mostly is 0, and log-normal where it is not; the logits are those of `ziln`.

    Args:
        max_sigma: The largest deviation of the logarithm.
        max_log: The logarithm of the largest prediction.
        serves_log: Whether the logarithm of the expected value is served in its place.
    """

    units = 3
    labels = "0 or a finite number above it"
    default_metrics = ("auc", "mean_absolute_error")
    loss = losses.ZILNLoss()

    def __init__(
        self, max_sigma: float = 5.0, max_log: float = 20.0, serves_log: bool = False
    ) -> None:
        self.max_sigma, self.max_log, self.serves_log = max_sigma, max_log, serves_log
        self.metrics = {
            **of(lambda logits: logits[:, :1], {"auc": BINARY["auc"]}),
            **of(lambda logits: _column(tf.exp(self._log_value(logits))), REGRESSION),
        }

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        log_value = self._log_value(logits)
        return {
            f"probs_{task}": tf.sigmoid(logits[:, 0]),
            f"y_{task}": log_value if self.serves_log else tf.exp(log_value),
            f"logits_{task}": logits,
        }

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(label) & (label >= 0.0)

    def _log_value(self, logits: tf.Tensor) -> tf.Tensor:
        return ziln.log_expected_value(logits, self.max_sigma, self.max_log)


class OrdinalHead:
    """Classes that have an order; the logits are those of `ordinal`, one less than classes.

    Args:
        num_class: Number of classes, at least 2.
    """

    default_metrics = ("accuracy", "logloss")
    loss = RowLoss(ordinal.ordinal_cross_entropy)
    metrics = {
        **of(ordinal.log_probabilities, CLASSES),
        **of(lambda logits: _column(ordinal.expected_class(logits)), REGRESSION),
    }

    def __init__(self, num_class: int) -> None:
        self.units = num_class - 1
        self.labels = f"a class, one of 0 to {num_class - 1}"

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        log_p = ordinal.log_probabilities(logits)
        return {
            f"probs_{task}": tf.exp(log_p),
            f"y_{task}": tf.argmax(log_p, axis=-1),
            f"expected_{task}": ordinal.expected_class(logits),
        }

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return is_class(label, self.units + 1)
