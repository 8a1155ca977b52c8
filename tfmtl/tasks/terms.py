"""The terms of a task's loss: what it learns by, each with a name and a weight of its own.

L_task = Σ_t weight_t·L_t
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import tensorflow as tf

from tfmtl.tasks.losses.means import mean
from tfmtl.tasks.space import Targets


class Loss(Protocol):
    """A loss over the rows of a task's sample space."""

    columns: list[str]
    """The raw columns it reads beside the label, such as a session's."""
    is_squared: bool
    """Whether it is a squared error, which learned uncertainty weighs by half."""

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """What it learns itself, such as a scale of the logits."""

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        """A scalar, 0 if all weights are.

        Args:
            label: `(batch,)`.
            logits: `(batch, units)`.
            weight: `(batch,)`, 0 outside of the sample space.
            targets: Columns by name, `(batch,)` each.
        """


@dataclasses.dataclass(frozen=True)
class Term:
    """A loss as a part of a task's.

    Args:
        name: What it is called in logs, `loss_<name>`; the task's name if it is the only one.
        loss: The loss.
        weight: Its factor in the sum.
        learns_weight: Whether `loss_weight_strategy: Uncertainty` learns its weight.
    """

    name: str
    loss: Loss
    weight: float = 1.0
    learns_weight: bool = False


class RowLoss:
    """The mean of a loss of rows:  L = Σ w·l / number of rows with w ≠ 0.

    Args:
        rows: The loss of each row, `(batch,)`, by label and logits.
        is_squared: Whether it is a squared error.
    """

    variables: Sequence[tf.Variable] = ()

    def __init__(
        self, rows: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], is_squared: bool = False
    ) -> None:
        self.columns: list[str] = []
        self.rows = rows
        self.is_squared = is_squared

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        return mean(self.rows(label, logits), weight)


def one_logit_loss(
    rows: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], is_squared: bool = False
) -> RowLoss:
    """The mean of a loss of rows that reads their only logit, `(batch,)`."""
    return RowLoss(lambda label, logits: rows(label, tf.squeeze(logits, axis=-1)), is_squared)
