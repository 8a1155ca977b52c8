"""Heads: what a task makes of its logits.

A head knows how many logits it needs, what is served, the loss of a row, which labels it can learn
and what its metrics read. A new kind of task is a new head; nothing else asks for the kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tensorflow as tf

from tfmtl.tasks import losses
from tfmtl.tasks.offered import (
    BINARY,
    CLASSES,
    RANKING,
    REGRESSION,
    TWO_CLASSES,
    Metric,
    only,
    probability,
)
from tfmtl.tasks.terms import Loss, RowLoss, one_logit_loss


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

    @property
    def loss(self) -> Loss:
        """What it learns by when the config names no losses."""

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        """Whether each label can be learned, `(batch,)` booleans."""


def is_class(label: tf.Tensor, count: int) -> tf.Tensor:
    """Whether each label is a whole class, one of 0 to count - 1, `(batch,)` booleans."""
    return (label >= 0.0) & (label < float(count)) & (label == tf.floor(label))


class BinaryHead:
    """One logit: the log-odds that an event happens. A label between 0 and 1 is a soft one.

    Args:
        serves_value: Whether the probability is served as `y_<task>`, too.
    """

    units = 1
    labels = "from 0 to 1"
    default_metrics = ("auc", "logloss")
    metrics = BINARY
    loss = one_logit_loss(losses.sigmoid_cross_entropy)

    def __init__(self, serves_value: bool = False) -> None:
        self._serves_value = serves_value

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        p = probability(logits)
        value = {f"y_{task}": p} if self._serves_value else {}
        return {f"probs_{task}": p, f"logits_{task}": only(logits), **value}

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return (label >= 0.0) & (label <= 1.0)


class ProbabilityHead:
    """One logit, whose σ is the prediction of a number between 0 and 1."""

    units = 1
    labels = "from 0 to 1"
    default_metrics = ("mean_squared_error", "mean_absolute_error")
    metrics = BINARY
    loss = one_logit_loss(losses.sigmoid_squared_error, is_squared=True)

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"y_{task}": probability(logits)}

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return (label >= 0.0) & (label <= 1.0)


class RankingHead:
    """One logit, of which only the order counts. So does that of the labels."""

    units = 1
    labels = "a finite number"
    default_metrics = ("auc", "mean_label")
    metrics = RANKING
    loss = losses.PairwiseLoss(losses.logistic(), losses.Sessions())

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"probs_{task}": probability(logits), f"logits_{task}": only(logits)}

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(label)


class MultiClassHead:
    """A logit for each class.

    Args:
        num_class: Number of classes, at least 2. With 2, `auc` is of the second against the first.
    """

    default_metrics = ("accuracy", "logloss")
    loss = RowLoss(losses.softmax_cross_entropy)

    def __init__(self, num_class: int) -> None:
        self.units = num_class
        self.labels = f"a class, one of 0 to {num_class - 1}"
        self.metrics = TWO_CLASSES if num_class == 2 else CLASSES

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

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return is_class(label, self.units)


class RegressionHead:
    """One logit, which is the prediction itself.

    Args:
        ranks: Whether it is a ranking's logit as well, and served as one.
    """

    units = 1
    labels = "a finite number"
    default_metrics = ("mean_squared_error", "mean_absolute_error")
    metrics = REGRESSION
    loss = one_logit_loss(losses.squared_error, is_squared=True)

    def __init__(self, ranks: bool = False) -> None:
        self._ranks = ranks

    def predictions(self, task: str, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        ranking = RankingHead().predictions(task, logits) if self._ranks else {}
        return {f"y_{task}": only(logits), **ranking}

    def accepts(self, label: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(label)
