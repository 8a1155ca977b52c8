"""How near two answers are."""

from __future__ import annotations

import enum

import numpy as np


class Rounding(enum.Enum):
    """Why two answers to a row may differ."""

    SAME = "they may not, but for the last bits"
    # As products of matrices of another size take them. Logits are compared as probabilities: the
    # logit of a probability near 0 or 1 is all rounding.
    ORDER = "sums are taken in another order"
    # Logits again; and classes are not compared, because near a tie rounding decides between them:
    # their probabilities are outputs, too.
    STORAGE = "numbers are stored in fewer bytes"


def deviation(
    output: str,
    expected: np.ndarray,
    received: np.ndarray,
    rounding: Rounding = Rounding.SAME,
) -> np.ndarray:
    """By how much each number of an output differs: of itself, or of 1 where it is smaller.

    Args:
        output: Its name.
        expected: The numbers, texts or classes.
        received: Others, of the same shape.
        rounding: Why they may differ.

    Returns:
        The deviations, infinite where texts or classes differ, or one number is none.
    """
    if expected.dtype.kind != "f":
        is_free = rounding is Rounding.STORAGE and expected.dtype.kind in "iu"
        return np.where(received == expected, 0.0, 0.0 if is_free else np.inf)
    if rounding is not Rounding.SAME and output.startswith("logits"):
        expected, received = _probability(expected), _probability(received)
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.abs(received.astype(np.float64) - expected)
        relative = differences / np.maximum(1.0, np.abs(expected))
    same = (received == expected) | (np.isnan(received) & np.isnan(expected))
    return np.where(same, 0.0, np.nan_to_num(relative, nan=np.inf, posinf=np.inf))


def _probability(logits: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * logits.astype(np.float64))
