"""Sample spaces: which rows a task sees, and with which weight.

A task sees the rows whose label is known. Factors may weigh them further: a sample weight, or an
indicator such as "was clicked". A row of weight 0 is outside of the space, for the loss and for
the metrics alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tensorflow as tf

Targets = Mapping[str, tf.Tensor]

_NAN = float("nan")


class Label(Protocol):
    """What a task learns. `read` gives `(batch,)` floats, NaN where a row's label is not known."""

    columns: list[str]

    def read(self, targets: Targets) -> tf.Tensor: ...


class Factor(Protocol):
    """Something that weighs rows. `weights` gives `(batch,)` floats, 0 for a row left out."""

    columns: list[str]

    def weights(self, targets: Targets) -> tf.Tensor: ...


class ColumnLabel:
    """The label in a column; NaN, and `missing` if it is given, mean that it is not known."""

    def __init__(self, column: str, missing: float | None = None) -> None:
        self.columns = [column]
        self.missing = missing

    def read(self, targets: Targets) -> tf.Tensor:
        label = tf.cast(targets[self.columns[0]], tf.float32)
        if self.missing is None:
            return label
        return tf.where(label == self.missing, _NAN, label)


class ProductLabel:
    """`event · outcome`: what came of an event, and nothing where there was no event.

    Where the event is known not to have happened, the product is known to be 0, whether the
    outcome is known or not.
    """

    def __init__(self, event: Label, outcome: Label) -> None:
        self.event, self.outcome = event, outcome
        self.columns = [*event.columns, *outcome.columns]

    def read(self, targets: Targets) -> tf.Tensor:
        event, outcome = self.event.read(targets), self.outcome.read(targets)
        return tf.where(event == 0.0, 0.0, event * outcome)


class AnyLabel:
    """Whether one of several events happened: the largest of their labels.

    It is known where one is known to have happened, or all are known.
    """

    def __init__(self, events: Sequence[Label]) -> None:
        self.events = list(events)
        self.columns = list(dict.fromkeys(c for event in events for c in event.columns))

    def read(self, targets: Targets) -> tf.Tensor:
        labels = tf.stack([event.read(targets) for event in self.events])
        is_unknown = tf.math.is_nan(labels)
        largest = tf.reduce_max(tf.where(is_unknown, 0.0, labels), axis=0)
        return tf.where((largest == 0.0) & tf.reduce_any(is_unknown, axis=0), _NAN, largest)


class ComplementLabel:
    """`1 − event`: that it did not happen."""

    def __init__(self, event: Label) -> None:
        self.event = event
        self.columns = event.columns

    def read(self, targets: Targets) -> tf.Tensor:
        return 1.0 - self.event.read(targets)


class UnknownLabel:
    """What no column tells."""

    def __init__(self) -> None:
        self.columns: list[str] = []

    def read(self, targets: Targets) -> tf.Tensor:
        return tf.fill(tf.shape(next(iter(targets.values()))), _NAN)


class SampleWeight:
    """The weight in a column. A row whose weight is missing is left out."""

    def __init__(self, column: str) -> None:
        self.columns = [column]

    def weights(self, targets: Targets) -> tf.Tensor:
        weight = tf.cast(targets[self.columns[0]], tf.float32)
        return tf.where(tf.math.is_nan(weight), 0.0, weight)


class LabelIndicator:
    """`inside` where another label is above 0, `outside` elsewhere and where it is not known."""

    def __init__(self, label: Label, inside: float = 1.0, outside: float = 1.0) -> None:
        self.columns = label.columns
        self.label, self.inside, self.outside = label, inside, outside

    def weights(self, targets: Targets) -> tf.Tensor:
        return tf.where(self.label.read(targets) > 0.0, self.inside, self.outside)


class ColumnIndicator:
    """`inside` where a column holds a value, `outside` elsewhere.

    Args:
        column: A raw column of any type.
        value: What it is compared with, of the column's own type.
        inside: Weight of the rows where it is equal.
        outside: Weight of the others.
        default: What an empty cell stands for in a column of text.
    """

    def __init__(
        self,
        column: str,
        value: str | bool | int | float,
        inside: float = 1.0,
        outside: float = 1.0,
        default: str = "",
    ) -> None:
        self.columns = [column]
        self.value, self.inside, self.outside, self.default = value, inside, outside, default

    def weights(self, targets: Targets) -> tf.Tensor:
        column = targets[self.columns[0]]
        if column.dtype == tf.string:
            column = tf.where(column == "", self.default, column)
        equal = column == tf.constant(self.value, column.dtype)
        return tf.where(equal, self.inside, self.outside)


class SampleSpace:
    """The rows a task sees: where its label is known and no factor is 0.

    Args:
        label: What the task learns.
        factors: They multiply.
    """

    def __init__(self, label: Label, factors: Sequence[Factor] = ()) -> None:
        self.label = label
        self.factors = list(factors)

    @property
    def columns(self) -> list[str]:
        """The columns it reads, each once."""
        columns = list(self.label.columns)
        for factor in self.factors:
            columns += factor.columns
        return list(dict.fromkeys(columns))

    def entire(self) -> SampleSpace:
        """The space of all rows whose label is known; of the factors sample weights alone stay."""
        weights = [factor for factor in self.factors if isinstance(factor, SampleWeight)]
        return SampleSpace(self.label, weights)

    def rows(self, targets: Targets) -> tuple[tf.Tensor, tf.Tensor]:
        """Labels and weights of all rows.

        Args:
            targets: Columns by name, `(batch,)` each.

        Returns:
            Label `(batch,)`, 0 where it is not known, so that no NaN ever reaches a gradient; and
            weight `(batch,)`, 0 where a row is outside of the space.
        """
        label = self.label.read(targets)
        known = ~tf.math.is_nan(label)
        weight = tf.cast(known, tf.float32)
        for factor in self.factors:
            weight *= factor.weights(targets)
        return tf.where(known, label, 0.0), weight
