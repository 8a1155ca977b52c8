"""Edges of bins, from quantiles of the numbers that they part.

A number on an edge belongs to the bin above it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

import numpy as np


def equal_frequency(quantiles: Sequence[float], bins: int) -> list[float]:
    """For each k / bins the least number that at least so large a share of all is below.

    Args:
        quantiles: Of as many steps as it takes to be exact.
        bins: The most bins.
    """
    steps = len(quantiles) - 1
    places = [-(-place * steps // bins) for place in range(1, bins)]
    return _different(_first_above(quantiles, place) for place in places)


def equal_width(low: float, high: float, bins: int) -> list[float]:
    """Low + (high - low) k / bins for k from 1 to bins - 1."""
    if not low < high:
        return []
    return _different(low + (high - low) * place / bins for place in range(1, bins))


def as_edges(places: Iterable[float]) -> list[float]:
    """Any places, ascending."""
    return _different(places)


def _first_above(quantiles: Sequence[float], place: int) -> float:
    """The quantile at a place, or the next number if a frequent one reaches to it from below."""
    number = quantiles[place]
    below = bisect.bisect_left(quantiles, number)
    if below >= place:
        return number
    above = bisect.bisect_right(quantiles, number)
    return quantiles[above] if above < len(quantiles) else float("nan")


def _different(edges: Iterable[float]) -> list[float]:
    """Ascending and each once, as floats of 32 bits, which the numbers are compared as."""
    floats = np.array(list(edges), np.float32)
    # The shortest texts of the floats are those that people read in the config.
    return [float(str(edge)) for edge in np.unique(floats[np.isfinite(floats)])]
