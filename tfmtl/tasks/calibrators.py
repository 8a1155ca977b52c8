"""Calibrators: functions of a binary task's logit, fitted so that probabilities are true.

For the logits of several classes see `class_temperature`.

Each has a `fit` in NumPy, of double precision, and is then called in a graph:

    Platt        c' = a·c + b
    temperature  c' = c / T
    isotonic     c' = a function that does not fall, by pooling adjacent violators

References:
    Platt, "Probabilistic Outputs for Support Vector Machines", 1999
    Lin, Lin and Weng, "A Note on Platt's Probabilistic Outputs", Machine Learning 68, 2007
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017
    Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates", KDD 2002
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import tensorflow as tf

_STEPS = 100
_HALVINGS = 40
_TOLERANCE = 1e-10  # Of the gradient, for each unit of weight.
# Logits that are all right can be made surer for ever.
COLDEST, HOTTEST = 0.01, 100.0


class Calibrator(Protocol):
    """A function of the logit. Before `fit` it is the identity."""

    name: str
    """What it is called in the config."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What was fitted, as JSON takes it."""

    def fit(self, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Fits it to rows of both classes.

        Args:
            logits: `(rows,)`, finite.
            labels: `(rows,)`, from 0 to 1.
            weights: `(rows,)`, above 0.
        """

    def __call__(self, logits: tf.Tensor) -> tf.Tensor:
        """Calibrates logits of any shape, in their own type."""


class Platt:
    """`a·c + b`, of least logloss against labels that are drawn in a little.

        y' = y·(n₁ + 1) / (n₁ + 2) + (1 − y) / (n₀ + 2)

    n₁ and n₀ are the weights of positive and negative rows. Where all logits are equal, a is 1.

    Example:
    >>> platt = Platt()
    >>> platt.fit(np.zeros(100), np.arange(100) < 25, np.ones(100))
    >>> print(f"{tf.sigmoid(platt(tf.constant(0.0))):.4f}")
    0.2505
    """

    name = "platt"

    def __init__(self) -> None:
        self.a, self.b = 1.0, 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """The line's a and b."""
        return {"a": self.a, "b": self.b}

    def fit(self, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Fits a and b; arguments as of `Calibrator.fit`."""
        logits, labels, weights = _double(logits, labels, weights)
        positive, negative = np.sum(weights * labels), np.sum(weights * (1 - labels))
        targets = labels * (positive + 1) / (positive + 2) + (1 - labels) / (negative + 2)
        # Of mean 0 and variance 1 the logits make one problem as easy as any other.
        mean = np.average(logits, weights=weights)
        spread = np.sqrt(np.average((logits - mean) ** 2, weights=weights))
        ones = np.ones_like(logits)[:, np.newaxis]
        if spread <= 1e-6 * max(1.0, abs(mean)):
            (shift,) = _newton(ones, targets, weights, offset=logits)
            self.a, self.b = 1.0, float(shift)
            return
        standard = ((logits - mean) / spread)[:, np.newaxis]
        slope, level = _newton(np.hstack([standard, ones]), targets, weights)
        self.a, self.b = float(slope / spread), float(level - slope * mean / spread)

    def __call__(self, logits: tf.Tensor) -> tf.Tensor:
        return self.a * logits + self.b

    def __str__(self) -> str:
        return f"platt (a {self.a:.5g}, b {self.b:.5g})"


class Temperature:
    """`c / T`, of least logloss, with T from 0.01 to 100.

    Example:
    >>> temperature = Temperature()
    >>> temperature.fit(np.full(100, 2 * np.log(3)), np.arange(100) < 75, np.ones(100))
    >>> print(f"{temperature.temperature:.3f}")
    2.000
    """

    name = "temperature"

    def __init__(self) -> None:
        self.temperature = 1.0

    @property
    def parameters(self) -> dict[str, Any]:
        """The temperature."""
        return {"temperature": self.temperature}

    def fit(self, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Fits the temperature; arguments as of `Calibrator.fit`."""
        logits, labels, weights = _double(logits, labels, weights)
        (inverse,) = _newton(logits[:, np.newaxis], labels, weights, start=1.0)
        self.temperature = float(1 / np.clip(inverse, 1 / HOTTEST, 1 / COLDEST))

    def __call__(self, logits: tf.Tensor) -> tf.Tensor:
        return logits / self.temperature

    def __str__(self) -> str:
        return f"temperature ({self.temperature:.5g})"


class Isotonic:
    """The function that does not fall with the least weighted squared error of probabilities.

    It is constant in blocks of logits, straight between them and constant beyond the first and the
    last; where blocks are so near each other that it would be steeper than `steepest`, it rises
    around the same middle at the cost of their ends; all is then moved so that the sum of the
    probabilities stays that of the labels. A first block without a positive row, or a last one
    without a negative one, counts half a row of that class besides: p = ½ / (w + 1) from 0 or from
    1, w being its weight, as far as the next block lets it.

    Args:
        max_blocks: Blocks at most. The two neighbours whose union costs the least squared error
            are joined, until there are no more.
        steepest: The steepest slope. Logits are rounded otherwise in every batch and on every
            machine; probabilities differ by up to a quarter of this times as much.

    Example:
    >>> isotonic = Isotonic()
    >>> isotonic.fit(np.array([-1.0, 0.0, 1.0, 2.0]), np.array([0, 1, 0, 1]), np.ones(4))
    >>> print(tf.sigmoid(isotonic(tf.constant([-9.0, 0.5, 9.0]))).numpy().round(3))
    [0.25 0.5  0.75]
    """

    name = "isotonic"

    def __init__(self, max_blocks: int = 128, steepest: float = 20.0) -> None:
        if max_blocks < 2:
            raise ValueError(f"`max_blocks` should be at least 2. Received: {max_blocks}.")
        self.max_blocks, self.steepest = max_blocks, steepest
        self.x, self.y = np.zeros(0), np.zeros(0)

    @property
    def parameters(self) -> dict[str, Any]:
        """The knots: logits, and what they become."""
        return {"x": self.x.tolist(), "y": self.y.tolist()}

    def fit(self, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        """Fits the knots; arguments as of `Calibrator.fit`."""
        logits, labels, weights = _double(logits, labels, weights)
        x, place = np.unique(logits, return_inverse=True)
        weight = np.bincount(place, weights)
        value = np.bincount(place, weights * labels) / weight
        starts, value, weight = _join(*pool_adjacent_violators(value, weight), self.max_blocks)
        value = _within(value, weight)
        ends = np.append(starts[1:], len(x)) - 1
        knots = np.stack([x[starts], x[ends]], axis=1).ravel()
        x, first = np.unique(knots, return_index=True)
        y = np.repeat(np.log(value) - np.log1p(-value), 2)[first]
        self.x, self.y = limit_slope(x, y, self.steepest)
        if len(self.x) > len(x):
            calibrated, ones = np.interp(logits, self.x, self.y), np.ones((len(logits), 1))
            self.y = self.y + _newton(ones, labels, weights, offset=calibrated)

    def __call__(self, logits: tf.Tensor) -> tf.Tensor:
        if not len(self.x):
            return logits
        if len(self.x) == 1:
            return logits * 0.0 + float(self.y[0])  # So that what is not a number stays so.
        x, y = tf.constant(self.x, logits.dtype), tf.constant(self.y, logits.dtype)
        flat = tf.reshape(logits, [-1])
        right = tf.clip_by_value(tf.searchsorted(x, flat, side="right"), 1, len(self.x) - 1)
        x0, x1 = tf.gather(x, right - 1), tf.gather(x, right)
        y0, y1 = tf.gather(y, right - 1), tf.gather(y, right)
        share = tf.clip_by_value((flat - x0) / (x1 - x0), 0.0, 1.0)
        return tf.reshape(y0 + share * (y1 - y0), tf.shape(logits))

    def __str__(self) -> str:
        return f"isotonic ({len(self.x)} knots)"


def pool_adjacent_violators(
    values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sequence that does not fall nearest to `values`, in blocks that are equal.

    Args:
        values: `(n,)`.
        weights: `(n,)`, above 0.

    Returns:
        Where blocks start in `values`, their values and their weights.
    """
    starts: list[int] = []
    means: list[float] = []
    totals: list[float] = []
    for start, (mean, total) in enumerate(zip(values.tolist(), weights.tolist(), strict=True)):
        while means and means[-1] >= mean:
            start, before, more = starts.pop(), means.pop(), totals.pop()
            mean = (mean * total + before * more) / (total + more)
            total += more
        starts.append(start)
        means.append(mean)
        totals.append(total)
    return np.array(starts), np.array(means), np.array(totals)


def limit_slope(x: np.ndarray, y: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """A function of straight pieces that does not fall, made less steep where it is too steep.

    It is the mean of the largest function below it and of the least above it that nowhere rise by
    more than `most` for each unit of x: a step by itself rises half as steeply, around its middle.

    Args:
        x: Its knots, ascending, `(n,)`.
        y: Its values there, `(n,)`, constant beyond.
        most: The steepest slope.

    Returns:
        The new knots and their values, `(m,)` each.
    """
    rise = np.diff(y)
    steep = rise > most * np.diff(x)
    if not steep.any():
        return x, y
    middle, half = ((x[:-1] + x[1:]) / 2)[steep], (rise / most)[steep]
    knots = np.unique(np.concatenate([x, middle - half, middle + half]))
    apart = knots[:, np.newaxis] - x
    below = np.min(np.where(apart >= 0, y + most * apart, np.inf), axis=1)
    above = np.max(np.where(apart <= 0, y + most * apart, -np.inf), axis=1)
    own = np.interp(knots, x, y)
    return knots, (np.minimum(own, below) + np.maximum(own, above)) / 2


def _join(
    starts: np.ndarray, values: np.ndarray, weights: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joins neighbours until there are no more than `most` blocks, at the least squared error."""
    while len(starts) > most:
        pair = weights[:-1] * weights[1:] / (weights[:-1] + weights[1:])
        left = int(np.argmin(pair * np.diff(values) ** 2))
        total = weights[left] + weights[left + 1]
        values[left] = np.average(values[left : left + 2], weights=weights[left : left + 2])
        weights[left] = total
        starts, values, weights = (np.delete(each, left + 1) for each in (starts, values, weights))
    return starts, values, weights


def _within(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The values of blocks, in which 0 and 1 are replaced by what so many rows can tell."""
    inner = values[(values > 0) & (values < 1)]
    doubt = 0.5 / (weights + 1)
    least = np.minimum(doubt, inner.min(initial=0.5))
    most = np.maximum(1 - doubt, inner.max(initial=0.5))
    return np.where(values <= 0, least, np.where(values >= 1, most, values))


def _newton(
    design: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    start: float = 0.0,
    offset: np.ndarray | float = 0.0,
) -> np.ndarray:
    """The θ of least logistic loss `Σ w·(log(1 + exp(z)) − t·z)`, z = design·θ + offset.

    Args:
        design: `(rows, parameters)`.
        targets: `(rows,)`, from 0 to 1.
        weights: `(rows,)`.
        start: What all of θ starts from.
        offset: Is added to z.
    """
    weights = weights / weights.sum()

    def loss(theta: np.ndarray) -> float:
        z = design @ theta + offset
        return float(np.sum(weights * (np.logaddexp(0.0, z) - targets * z)))

    theta = np.full(design.shape[1], start)
    now = loss(theta)
    for _ in range(_STEPS):
        p = _sigmoid(design @ theta + offset)
        gradient = design.T @ (weights * (p - targets))
        if np.abs(gradient).max() <= _TOLERANCE:
            break
        hessian = design.T @ (design * (weights * p * (1 - p))[:, np.newaxis])
        step = np.linalg.solve(hessian + 1e-12 * np.eye(len(theta)), gradient)
        size = 1.0
        for _ in range(_HALVINGS):
            after = loss(theta - size * step)
            if after < now:
                break
            size /= 2
        else:
            break  # As good as the numbers tell.
        theta, now = theta - size * step, after
    return theta


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -z))


def _double(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(each, np.float64) for each in arrays)
