"""One temperature for the logits of several classes.

    c' = c / T,   T of least  Σ w·(log Σ_k exp(c_k / T) − c_y / T)

The loss is convex in 1/T, its slope there the mean of `E c − c_y` under softmax(c / T) and its
curvature that of `Var c`.

References:
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
    https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

import numpy as np

from tfmtl.tasks.calibrators import COLDEST, HOTTEST, Temperature

_STEPS = 100
_TOLERANCE = 1e-10  # Of a step, as a share of 1/T.


class ClassTemperature(Temperature):
    """`c / T` of all classes, of least logloss, with T from 0.01 to 100.

    The likeliest class stays what it is.

    Example:
    >>> temperature = ClassTemperature()
    >>> logits = np.tile([2 * np.log(2), 0.0, 0.0], (100, 1))
    >>> temperature.fit(logits, np.repeat([0, 1, 2], [50, 25, 25]), np.ones(100))
    >>> print(f"{temperature.temperature:.3f}")
    2.000
    """

    def fit(self, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Fits the temperature.

        Args:
            logits: `(rows, classes)`, finite.
            labels: The classes, `(rows,)`.
            weights: `(rows,)`, above 0.
        """
        logits = np.asarray(logits, np.float64)
        weights = np.asarray(weights, np.float64) / np.sum(weights, dtype=np.float64)
        of_label = np.take_along_axis(logits, np.asarray(labels, np.int64)[:, np.newaxis], axis=1)
        self.temperature = float(1.0 / _inverse(logits, of_label[:, 0], weights))


def likeliest(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log-odds of each row's likeliest class, `(rows,)`, and whether it is the label.

    Args:
        logits: `(rows, classes)`.
        labels: The classes, `(rows,)`.
    """
    place = np.argmax(logits, axis=1)[:, np.newaxis]
    top = np.take_along_axis(logits, place, axis=1)[:, 0]
    others = np.array(logits, np.float64)
    np.put_along_axis(others, place, -np.inf, axis=1)
    return top - np.logaddexp.reduce(others, axis=1), (place[:, 0] == labels).astype(np.float32)


def _inverse(logits: np.ndarray, of_label: np.ndarray, weights: np.ndarray) -> float:
    """The 1/T of least loss, by Newton's steps; by halves where one would leave the bounds."""
    low, high, inverse = 1.0 / HOTTEST, 1.0 / COLDEST, 1.0
    for _ in range(_STEPS):
        slope, curvature = _slope(logits, of_label, weights, inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        after = inverse - slope / curvature if curvature > 0 else np.inf
        if not low <= after <= high:
            after = np.sqrt(low * high)
        if abs(after - inverse) <= _TOLERANCE * inverse:
            break
        inverse = after
    return float(inverse)


def _slope(
    logits: np.ndarray, of_label: np.ndarray, weights: np.ndarray, inverse: float
) -> tuple[float, float]:
    """The first and the second derivative of the loss in 1/T."""
    powers = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
    p = powers / powers.sum(axis=1, keepdims=True)
    mean = np.sum(p * logits, axis=1)
    variance = np.sum(p * np.square(logits - mean[:, np.newaxis]), axis=1)
    return float(weights @ (mean - of_label)), float(weights @ variance)
