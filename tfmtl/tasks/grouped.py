"""Formulas over rows in groups, such as a user's or a session's, in NumPy.

All rows are sorted once, by group and by prediction; sums over groups, and over the rows of a group
that have equal predictions, are differences of running sums. There is no loop over groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Discount = Callable[[np.ndarray], np.ndarray]


class AreaByGroup(NamedTuple):
    """AUC inside each group, and what the groups may be weighed by; `(groups,)` each.

    Args:
        area: NaN where a group has rows of one class only.
        weight: Sum of the rows' weights.
        positive: That of the positive rows.
    """

    area: np.ndarray
    weight: np.ndarray
    positive: np.ndarray


def area_by_group(
    group: np.ndarray, label: np.ndarray, prediction: np.ndarray, weight: np.ndarray
) -> AreaByGroup:
    """AUC inside each group, with ties by mid-rank.

        AUC_g = Σ_{i ∈ g⁺} w_i·(W⁻_g below ŷ_i + ½·W⁻_g at ŷ_i) / (W⁺_g·W⁻_g)

    where W⁺ and W⁻ are sums of the weights of positive rows (label above 0) and of negative ones.

    Args:
        group: Numbers of the groups, `(rows,)`.
        label: `(rows,)`.
        prediction: Anything that orders the rows, `(rows,)`.
        weight: `(rows,)`.
    """
    order = np.lexsort((prediction, group))
    group, prediction = group[order], prediction[order]
    weight, is_positive = weight[order].astype(np.float64), label[order] > 0
    ties = _starts(group, prediction)
    positive = np.add.reduceat(weight * is_positive, ties)
    negative = np.add.reduceat(weight * ~is_positive, ties)
    groups = _starts(group[ties])
    all_positive, all_negative = (np.add.reduceat(each, groups) for each in (positive, negative))
    running = np.cumsum(negative) - negative
    below = running - np.repeat(running[groups], _sizes(groups, len(ties)))
    won = np.add.reduceat(positive * (below + negative / 2), groups)
    pairs = all_positive * all_negative
    area = np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return AreaByGroup(area, all_positive + all_negative, all_positive)


class Ranking(NamedTuple):
    """Rows in the order of their groups, and in each of their predictions.

    Args:
        order: The numbers of the rows, `(rows,)`.
        groups: Where groups start, `(groups,)`.
        discount: What the place of each counts for, `(rows,)`.
    """

    order: np.ndarray
    groups: np.ndarray
    discount: np.ndarray

    def gain(self, gain: np.ndarray) -> np.ndarray:
        """Discounted gain of each group, `(groups,)`, in the order of the groups' numbers.

            G_g = Σ_{i ∈ g} gain_i·d(rank_i)

        Args:
            gain: `(rows,)`.
        """
        return np.add.reduceat(gain[self.order] * self.discount, self.groups)


def rank_by_group(group: np.ndarray, prediction: np.ndarray, discount: Discount) -> Ranking:
    """Ranks the rows inside each group, rank 0 the largest prediction.

    Rows of equal predictions are in any order, so each counts with the mean discount of their
    places (McSherry & Najork, "Computing information retrieval performance measures efficiently in
    the presence of tied scores", ECIR 2008).

    Args:
        group: Numbers of the groups, `(rows,)`.
        prediction: `(rows,)`.
        discount: d.
    """
    order = np.lexsort((-prediction, group))
    group, prediction = group[order], prediction[order]
    groups, ties = _starts(group), _starts(group, prediction)
    place = np.arange(len(group)) - np.repeat(groups, _sizes(groups, len(group)))
    sizes = _sizes(ties, len(group))
    shared = np.add.reduceat(discount(place), ties) / sizes
    return Ranking(order, groups, np.repeat(shared, sizes))


def sum_by_group(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of groups, `(groups,)`, in the order of the groups' numbers."""
    order = np.argsort(group, kind="stable")
    return np.add.reduceat(values[order].astype(np.float64), _starts(group[order]))


def first(k: int) -> Discount:
    """The discount that counts the first k places alike and no others."""
    return lambda place: (place < k).astype(np.float64)


def logarithmic(k: int) -> Discount:
    """The discount of the gain's literature: `1 / log₂(place + 2)` for the first k places."""
    return lambda place: np.where(place < k, 1.0 / np.log2(place + 2.0), 0.0)


def _starts(*columns: np.ndarray) -> np.ndarray:
    """Where in sorted columns a row differs from that before it."""
    differs = np.zeros(len(columns[0]), bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differs)


def _sizes(starts: np.ndarray, total: int) -> np.ndarray:
    return np.diff(np.append(starts, total))
