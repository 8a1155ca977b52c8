"""Numbers: which range they have, and which bins where a few are much larger than the others."""

from __future__ import annotations

import numpy as np

_SKEWED = 2.0  # An exponential distribution's skewness.
_DIGITS = 3
_BINS = 10


def is_skewed(numbers: np.ndarray) -> bool:
    """Whether a few numbers are much larger, or much smaller, than the others."""
    with np.errstate(over="ignore"):
        deviation = numbers.std()
    if not 0 < deviation < np.inf:
        return False
    return abs(float(np.mean(((numbers - numbers.mean()) / deviation) ** 3))) > _SKEWED


def bin_edges(numbers: np.ndarray) -> list[float]:
    """Edges between bins of about equally many numbers; fewer where one number is frequent."""
    shares = np.arange(1, _BINS) / _BINS
    edges = [rounded(edge) for edge in np.quantile(numbers, shares)]
    return sorted({edge for edge in edges if edge > numbers.min()})


def value_range(numbers: np.ndarray) -> tuple[float, float]:
    """The range that all numbers but the outermost hundredths lie in; or else that of all."""
    low, high = (rounded(each) for each in np.quantile(numbers, (0.01, 0.99)))
    return (low, high) if low < high else (float(numbers.min()), float(numbers.max()))


def rounded(number: float) -> float:
    """A number with a few digits, as people write it."""
    return float(f"{number:.{_DIGITS}g}")
