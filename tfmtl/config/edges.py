"""Edges of bins, from quantiles of the numbers that they part.

A number on an edge belongs to the bin above it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

import numpy as np


def equal_frequency(quantiles: Sequence[float], bins: int) -> list[float]:
    """For each k / bins the number with the nearest share of all numbers below it.

    Args:
        quantiles: The numbers that 0, 1 / steps, ..., 1 of all stand before.
        bins: The most bins.
    """
    steps = len(quantiles) - 1
    return _different(_nearest(quantiles, place * steps / bins) for place in range(1, bins))


def equal_width(low: float, high: float, bins: int) -> list[float]:
    """Low + (high - low) k / bins for k from 1 to bins - 1."""
    if not low < high:
        return []
    return _different(low + (high - low) * place / bins for place in range(1, bins))


def as_edges(places: Iterable[float]) -> list[float]:
    """Any places, ascending."""
    return _different(places)


def _nearest(quantiles: Sequence[float], place: float) -> float:
    """The number whose first place is nearest; of a frequent number it may be far.

    The least number, with none below it, is no edge; NaN if there is no other.
    """
    number = quantiles[int(place)]
    first, next_one = bisect.bisect_left(quantiles, number), bisect.bisect_right(quantiles, number)
    candidates = [each for each in (first, next_one) if 0 < each < len(quantiles)]
    nearest = min(candidates, key=lambda each: abs(each - place), default=None)
    return float("nan") if nearest is None else quantiles[nearest]


def _different(edges: Iterable[float]) -> list[float]:
    """Ascending and each once, as floats of 32 bits, which the numbers are compared as."""
    floats = np.array(list(edges), np.float32)
    # The shortest texts of the floats are those that people read in the config.
    return [float(str(edge)) for edge in np.unique(floats[np.isfinite(floats)])]
