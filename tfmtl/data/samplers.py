"""Samplers: how often a row appears in the training data.

    oversampling         factor where y = 1; otherwise 1
    undersampling        1 where y = 1; otherwise 1 with probability `rate`
    rejection_sampling   1 with probability m / max(p, m) where y = 1; otherwise 0

for a label y, which is 1 where it is above 0, its propensity p and the least propensity m. With y
the click, p(row | click) = p(row)·p / E[p]: rejection divides the p out again, so that clicked rows
stand for all. They are baselines of conversion models.

References:
    Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, https://arxiv.org/abs/1804.07931, section 3.2
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.protos import dataset_pb2

Rows = Mapping[str, tf.Tensor]


class Sampler(abc.ABC):
    """Decides how often a row appears.

    Args:
        label: The column of its label.
    """

    most_copies = 1

    def __init__(self, label: str) -> None:
        self.label = label

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return [self.label]

    @abc.abstractmethod
    def copies(self, rows: Rows, draws: tf.Tensor) -> tf.Tensor:
        """How often each row appears, `(batch,)` integers.

        Args:
            rows: Its columns, `(batch,)` each.
            draws: Random numbers from 0 to below 1, `(batch,)`; with smaller ones there are never
                fewer copies.
        """

    def is_good(self, rows: Rows) -> tf.Tensor:
        """Whether each row has what the sampler needs to know, `(batch,)`."""
        return tf.ones_like(rows[self.label], tf.bool)

    def first_problem(self, rows: Rows) -> tuple[int, str] | None:
        """The first row that is not good, its rule and what came; None if all are."""
        return None

    @abc.abstractmethod
    def __str__(self) -> str:
        """Which rows appear, for a message that there are none."""

    def _happened(self, rows: Rows) -> tf.Tensor:
        return rows[self.label] > 0.0  # A label that is missing is NaN.


class Oversampling(Sampler):
    """Copies of the rows whose label is above 0."""

    def __init__(self, label: str, factor: int) -> None:
        super().__init__(label)
        self.most_copies = factor

    def copies(self, rows: Rows, draws: tf.Tensor) -> tf.Tensor:
        return tf.where(self._happened(rows), self.most_copies, 1)

    def __str__(self) -> str:
        return "all rows"


class Undersampling(Sampler):
    """All rows whose label is above 0, and a share of the others."""

    def __init__(self, label: str, rate: float) -> None:
        super().__init__(label)
        self.rate = rate

    def copies(self, rows: Rows, draws: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._happened(rows) | (draws < self.rate), tf.int32)

    def __str__(self) -> str:
        return f"rows whose `{self.label}` is above 0, and others with probability {self.rate:g}"


class RejectionSampling(Sampler):
    """Rows whose label is above 0, the fewer the likelier that was.

    Args:
        label: The column of the label.
        propensity: The column of the label's probability.
        least: Propensities below count as this one.
    """

    def __init__(self, label: str, propensity: str, least: float) -> None:
        super().__init__(label)
        self.propensity = propensity
        self.least = least

    @property
    def columns(self) -> list[str]:
        return [self.label, self.propensity]

    def copies(self, rows: Rows, draws: tf.Tensor) -> tf.Tensor:
        accepted = draws < self.least / tf.maximum(rows[self.propensity], self.least)
        return tf.cast(self._happened(rows) & accepted, tf.int32)

    def is_good(self, rows: Rows) -> tf.Tensor:
        propensity = rows[self.propensity]
        return ~self._happened(rows) | ((propensity > 0.0) & (propensity <= 1.0))

    def first_problem(self, rows: Rows) -> tuple[int, str] | None:
        bad = np.flatnonzero(~self.is_good(rows).numpy())
        if not len(bad):
            return None
        value = float(rows[self.propensity][bad[0]])
        received = "nothing" if math.isnan(value) else f"{value:g}"
        rule = f"be above 0 and at most 1 where `{self.label}` is above 0"
        return bad[0], f"column `{self.propensity}` should {rule}. Received: {received}."

    def __str__(self) -> str:
        return f"rows whose `{self.label}` is above 0, at random by their `{self.propensity}`"


def build_sampler(data_config: dataset_pb2.DatasetConfig) -> Sampler | None:
    """The sampler of a config; None if every row appears once."""
    kind = data_config.WhichOneof("sampling")
    return _BUILDERS[kind](getattr(data_config, kind)) if kind else None


_BUILDERS: dict[str, Callable[[Any], Sampler]] = {
    "oversampling": lambda its: Oversampling(its.label_name, its.factor),
    "undersampling": lambda its: Undersampling(its.label_name, its.rate),
    "rejection_sampling": lambda its: RejectionSampling(
        its.label_name, its.propensity_name, its.min_propensity
    ),
}
