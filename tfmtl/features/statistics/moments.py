"""Mean and deviation of numbers that come in parts.

Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
variances", 1979: with n = n_a + n_b and d = mean_b - mean_a,

    mean = mean_a + d n_b / n
    M    = M_a + M_b + d² n_a n_b / n           where M is the sum of squared differences
"""

from __future__ import annotations

import numpy as np


class Moments:
    """Count, mean and deviation of finite numbers; not finite where their squares are not."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the numbers as a whole population; 0 of none."""
        return float(np.sqrt(self._squares / self.count)) if self.count else 0.0

    def update(self, numbers: np.ndarray) -> None:
        """Takes numbers, `(n,)`."""
        if not numbers.size:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # What has no float is infinite, or NaN.
            mean = float(np.mean(numbers))
            squares = float(np.sum(np.square(numbers - mean)))
        self._join(numbers.size, mean, squares)

    def merge(self, other: Moments) -> None:
        """Takes in what another has seen."""
        if other.count:
            self._join(other.count, other.mean, other._squares)

    def _join(self, count: int, mean: float, squares: float) -> None:
        total = self.count + count
        apart = mean - self.mean
        self.mean += apart * count / total
        # Not apart², which has no float where numbers are above 1e154.
        self._squares += squares + apart * (self.count * count / total) * apart
        self.count = total
