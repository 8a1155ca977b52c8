"""Knowledge distillation: a task learns from a teacher's prediction, in rows of the teacher's own.

    q = σ(a / T),  a the teacher's logit

References:
    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
    https://arxiv.org/abs/1503.02531
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from tfmtl.tasks.space import SampleSpace, Targets

if TYPE_CHECKING:
    from tfmtl.tasks.terms import Loss

# The least and the most probability of a teacher whose logit is asked for.
_LEAST = 1e-7

# What a loss learns of the column that holds the teacher's prediction.
Reading = Callable[[tf.Tensor], tf.Tensor]


class DistilledLoss:
    """A loss against a teacher's prediction.

    Args:
        loss: The loss.
        space: The soft label and the rows where it counts; what is known of the task's own label
            and rows is left aside.
        reading: What the loss learns of the soft label.
        is_probability: Whether the soft label must be from 0 to 1; else any finite number will do.
        temperature: T, which divides the task's logits.
    """

    def __init__(
        self,
        loss: Loss,
        space: SampleSpace,
        reading: Reading,
        is_probability: bool = False,
        temperature: float = 1.0,
    ) -> None:
        self.loss, self.space, self.reading = loss, space, reading
        self.is_probability, self.temperature = is_probability, temperature
        self.columns = list(dict.fromkeys([*space.columns, *loss.columns]))
        self.is_squared, self.variables = loss.is_squared, loss.variables

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        soft, weight = self.space.rows(targets)
        poison = tf.where(tf.reduce_any(self._is_wrong(soft, weight)), float("nan"), 0.0)
        # A row without a teacher must not lend the mean an infinite number.
        soft = tf.where(weight == 0.0, 0.0, self.reading(soft))
        return self.loss(soft, logits / self.temperature, weight, targets) + poison

    def label_error(self, targets: Targets) -> str | None:
        """What is wrong with a batch's soft labels, in a sentence; None if nothing is.

        Args:
            targets: Columns by name, `(batch,)` each, of eager tensors.
        """
        soft, weight = self.space.rows(targets)
        wrong = self._is_wrong(soft, weight)
        if not tf.reduce_any(wrong):
            return None
        rule = "a probability" if self.is_probability else "a finite number"
        return (
            f"The soft label `{self.space.label.columns[0]}` should be {rule}. "
            f"Received: {tf.boolean_mask(soft, wrong)[0]:g}."
        )

    def _is_wrong(self, soft: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        is_fine = tf.math.is_finite(soft)
        if self.is_probability:
            is_fine &= (soft >= 0.0) & (soft <= 1.0)
        return (weight != 0.0) & ~is_fine


def logit(is_logits: bool, temperature: float) -> Reading:
    """A / T, of a column of logits or of probabilities."""
    return lambda soft: (soft if is_logits else _log_odds(soft)) / temperature


def probability(is_logits: bool, temperature: float) -> Reading:
    """Q = σ(a / T), of a column of logits or of probabilities."""
    if not is_logits and temperature == 1.0:
        return as_it_is
    return lambda soft: tf.sigmoid(logit(is_logits, temperature)(soft))


def as_it_is(soft: tf.Tensor) -> tf.Tensor:
    """The column itself."""
    return soft


def _log_odds(probability: tf.Tensor) -> tf.Tensor:
    p = tf.clip_by_value(probability, _LEAST, 1.0 - _LEAST)
    return tf.math.log(p) - tf.math.log1p(-p)
