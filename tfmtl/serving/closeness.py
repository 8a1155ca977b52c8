"""How near two answers are."""

from __future__ import annotations

import numpy as np


def deviation(
    output: str, expected: np.ndarray, received: np.ndarray, rounded: bool = False
) -> np.ndarray:
    """By how much each number of an output differs: of itself, or of 1 where it is smaller.

    Args:
        output: Its name.
        expected: The numbers, texts or classes.
        received: Others, of the same shape.
        rounded: Whether they come of other roundings. Then logits are compared as probabilities,
            because the logit of a probability near 0 or 1 is all rounding; and classes are not
            compared, because near a tie rounding decides: their probabilities are outputs, too.

    Returns:
        The deviations, infinite where texts or classes differ, or one number is none.
    """
    if expected.dtype.kind != "f":
        return np.where(received == expected, 0.0, 0.0 if rounded else np.inf)
    if rounded and output.startswith("logits"):
        expected, received = _probability(expected), _probability(received)
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.abs(received.astype(np.float64) - expected)
        relative = differences / np.maximum(1.0, np.abs(expected))
    same = (received == expected) | (np.isnan(received) & np.isnan(expected))
    return np.where(same, 0.0, np.nan_to_num(relative, nan=np.inf, posinf=np.inf))


def _probability(logits: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * logits.astype(np.float64))
