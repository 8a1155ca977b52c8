"""Metrics that need all rows at once: exact AUC, and those inside groups of rows.

    gauc = Σ_g v_g·AUC_g / Σ_g v_g    over the groups g that have rows of both classes

with v_g = 1, or the sum of the group's weights, or that of its positive rows. The others are means
over groups that count alike, of what is shown first, rank 0 the largest prediction:

    precision@k = Σ_{rank < k} w·[y > 0] / Σ_{rank < k} w
    recall@k    = Σ_{rank < k} w·[y > 0] / Σ w·[y > 0]
    ndcg@k      = Σ_{rank < k} w·y⁺ / log₂(rank + 2)  over the same of the best order

with y⁺ = max(y, 0). Rows of equal predictions share the ranks that they take together.

The weight of a row scales its part inside of its group: of pairs w_i·w_j in an AUC. Rows of weight
0 are not there at all, and take no place.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl.tasks.grouped import (
    AreaByGroup,
    area_by_group,
    first,
    logarithmic,
    rank_by_group,
    sum_by_group,
)
from tfmtl.tasks.held_rows import NO_GROUP, HeldRows, group_ids

_log = logging.getLogger(__name__)


class RowMetric(keras.metrics.Metric, abc.ABC):
    """A metric that holds its rows until it is asked for its value.

    Args:
        name: Its name.
        column: The column whose equal values make a group; "" makes one group of all rows. A row
            without a value there is in no group.
    """

    def __init__(self, name: str, column: str = "", **kwargs: Any) -> None:
        super().__init__(name=name, dtype="float64", **kwargs)
        self.column = column
        self.undefined = ""
        self.groups_told = ""
        ids = [tf.int64] if column else []
        self._rows = HeldRows(*ids, tf.float32, tf.float32, tf.float32)

    def update_state(
        self,
        label: tf.Tensor,
        prediction: tf.Tensor,
        weight: tf.Tensor,
        group: tf.Tensor | None = None,
    ) -> None:
        """Keeps a batch.

        Args:
            label: `(batch,)`.
            prediction: What orders the rows, `(batch,)`.
            weight: `(batch,)`; 0 leaves a row out.
            group: The values of the column, `(batch,)`; for a metric that has one.
        """
        ids = [group_ids(tf.convert_to_tensor(group))] if self.column else []
        self._rows.add(*ids, label, prediction, weight)

    def merge_state(self, metrics: Any) -> None:
        """Takes over the rows of other workers' metrics."""
        for metric in metrics:
            self._rows.extend(metric._rows)

    def result(self) -> tf.Tensor:
        """The value over all rows so far."""
        return tf.numpy_function(self._value, [], tf.float64)

    def reset_state(self) -> None:
        """Forgets all rows, and what was told of them."""
        self._rows.clear()
        self.undefined = self.groups_told = ""

    @abc.abstractmethod
    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        """The value over rows, of which there is at least one; NaN if there is no value.

        Args:
            group: Numbers of the groups, `(rows,)`.
            label: `(rows,)`.
            prediction: `(rows,)`.
            weight: `(rows,)`, not 0.
        """

    def _value(self) -> np.float64:
        *ids, label, prediction, weight = self._rows.columns()
        # An answer that is not a number has no place in an order.
        if not label.size or np.isnan(prediction).any():
            return np.float64(np.nan)
        if not ids:
            group = np.zeros(label.size, np.int8)
            return np.float64(self.compute(group, label, prediction, weight))
        has_group = ids[0] != NO_GROUP
        if not has_group.any():
            self.undefined = f"because no row in its sample space has a `{self.column}`"
            return np.float64(np.nan)
        rows = (each[has_group] for each in (ids[0], label, prediction, weight))
        value = np.float64(self.compute(*rows))
        self._tell_without_group(int(np.sum(~has_group)))
        return value

    def tell_left_out(self, has_value: np.ndarray, reason: str) -> None:
        """Remembers, for the log, how many groups have no value of their own."""
        left_out, groups = int(np.sum(~has_value)), len(has_value)
        self.groups_told = (
            f"{left_out:,} of {groups:,} groups of `{self.column}` are left out, {reason}"
            if left_out
            else ""
        )
        self.undefined = f"because no group of `{self.column}` has {_NEEDS[reason]}"

    def _tell_without_group(self, rows: int) -> None:
        if rows:
            told = f"{rows:,} rows without a `{self.column}`"
            groups = self.groups_told
            self.groups_told = f"{groups}; so are {told}" if groups else f"{told} are left out"


_ONE_CLASS = "because all their labels are of one class"
_NO_POSITIVE = "because none of their labels is above 0"
_NEEDS = {_ONE_CLASS: "labels of both classes", _NO_POSITIVE: "a label above 0"}


class ExactAUC(RowMetric):
    """Exact, weighted AUC: all rows are sorted, ties count one half. 12 bytes a row."""

    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        return float(area_by_group(group, label, prediction, weight).area[0])


# What the value of a group counts for, by `reduction`.
_REDUCTIONS: Mapping[str, Any] = {
    "mean": lambda areas: np.ones(len(areas.area)),
    "mean_by_sample_num": lambda areas: areas.weight,
    "mean_by_positive_num": lambda areas: areas.positive,
}


class GroupedAUC(RowMetric):
    """AUC inside groups, averaged over those that have rows of both classes. 20 bytes a row.

    Args:
        name: Its name.
        column: The column whose equal values make a group.
        reduction: `mean`, `mean_by_sample_num` or `mean_by_positive_num`.

    Example:
    >>> gauc = GroupedAUC("gauc_ctr", "user")
    >>> gauc.update_state([0.0, 1.0, 1.0, 0.0], [1.0, 2.0, 3.0, 4.0], tf.ones(4), [7, 7, 8, 8])
    >>> float(gauc.result())
    0.5
    """

    def __init__(self, name: str, column: str, reduction: str = "mean", **kwargs: Any) -> None:
        super().__init__(name, column, **kwargs)
        self._weights = _REDUCTIONS[reduction]

    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        areas = area_by_group(group, label, prediction, weight)
        has_value = ~np.isnan(areas.area)
        self.tell_left_out(has_value, _ONE_CLASS)
        if not has_value.any():
            return np.nan
        areas = AreaByGroup(*(each[has_value] for each in areas))
        return float(np.average(areas.area, weights=self._weights(areas)))


class _AtK(RowMetric):
    """A mean over groups of what is among the k first rows of each.

    Args:
        name: Its name.
        column: The column whose equal values make a group.
        k: How many rows are shown.
    """

    def __init__(self, name: str, column: str, k: int = 10, **kwargs: Any) -> None:
        super().__init__(name, column, **kwargs)
        self.k = k

    def mean(self, part: np.ndarray, whole: np.ndarray) -> float:
        """The mean of `part / whole` over the groups whose whole is not 0."""
        has_value = whole > 0
        self.tell_left_out(has_value, _NO_POSITIVE)
        return float(np.mean(part[has_value] / whole[has_value])) if has_value.any() else np.nan


class PrecisionAtK(_AtK):
    """Share of positive rows among the k first of a group."""

    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        ranking = rank_by_group(group, prediction, first(self.k))
        return self.mean(ranking.gain(weight * (label > 0)), ranking.gain(weight))


class RecallAtK(_AtK):
    """Share of a group's positive rows that are among its k first."""

    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        gain = weight * (label > 0)
        hits = rank_by_group(group, prediction, first(self.k)).gain(gain)
        return self.mean(hits, sum_by_group(group, gain))


class NDCGAtK(_AtK):
    """Discounted gain of the k first of a group, over that of the best order of its rows."""

    def compute(
        self, group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
    ) -> float:
        gain = weight * np.maximum(label, 0)
        reached, best = (
            rank_by_group(group, each, logarithmic(self.k)).gain(gain)
            for each in (prediction, gain)
        )
        return self.mean(reached, best)
