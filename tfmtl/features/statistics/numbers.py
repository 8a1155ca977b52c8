"""What there is to know of a column of numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from tfmtl.features.statistics.distinct import DistinctCounter
from tfmtl.features.statistics.moments import Moments
from tfmtl.features.statistics.quantiles import QuantileSketch

STEPS = 1000


@dataclasses.dataclass(frozen=True)
class NumberSummary:
    """What was found of numbers; all that is not a count is of the finite ones.

    Args:
        count: Finite numbers.
        missing: NaNs.
        infinite: Infinite ones.
        zeros: Zeros.
        distinct: Different numbers.
        mean: Mean.
        deviation: Standard deviation.
        min: The least.
        max: The greatest.
        log1p_mean: Mean of `log1p` of them.
        log1p_deviation: Its standard deviation.
        quantiles: `STEPS` + 1 of them, see `QuantileSketch.grid`; none if there are no numbers.
    """

    count: int
    missing: int
    infinite: int
    zeros: int
    distinct: int
    mean: float
    deviation: float
    min: float
    max: float
    log1p_mean: float
    log1p_deviation: float
    quantiles: list[float]


class Numbers:
    """Counts, moments, quantiles and different values of numbers. 0 stands for what none has."""

    def __init__(self) -> None:
        self._missing = 0
        self._infinite = 0
        self._zeros = 0
        self._range = (np.inf, -np.inf)
        self._moments = Moments()
        self._log_moments = Moments()
        self._quantiles = QuantileSketch()
        self._different = DistinctCounter()

    def update(self, numbers: np.ndarray) -> None:
        """Takes numbers, float64 `(n,)`; NaN is a missing one."""
        finite = numbers[np.isfinite(numbers)] + 0.0  # There is no -0 then.
        self._missing += int(np.isnan(numbers).sum())
        self._infinite += int(np.isinf(numbers).sum())
        self._zeros += int((finite == 0.0).sum())
        self._widen(finite.min(initial=np.inf), finite.max(initial=-np.inf))
        self._moments.update(finite)
        self._log_moments.update(log1p(finite))
        self._quantiles.update(finite)
        self._different.update(pd.util.hash_array(finite, categorize=False))

    def merge(self, other: Numbers) -> None:
        """Takes in what another has seen."""
        self._missing += other._missing
        self._infinite += other._infinite
        self._zeros += other._zeros
        self._widen(*other._range)
        self._moments.merge(other._moments)
        self._log_moments.merge(other._log_moments)
        self._quantiles.merge(other._quantiles)
        self._different.merge(other._different)

    def result(self) -> NumberSummary:
        """What was found."""
        least, greatest = map(float, self._range) if self._moments.count else (0.0, 0.0)
        quantiles = self._quantiles.grid(STEPS).tolist()
        if quantiles:
            quantiles[0], quantiles[-1] = least, greatest
        return NumberSummary(
            count=self._moments.count,
            missing=self._missing,
            infinite=self._infinite,
            zeros=self._zeros,
            distinct=self._different.count,
            mean=self._moments.mean,
            deviation=self._moments.deviation,
            min=least,
            max=greatest,
            log1p_mean=self._log_moments.mean,
            log1p_deviation=self._log_moments.deviation,
            quantiles=quantiles,
        )

    def _widen(self, least: float, greatest: float) -> None:
        self._range = min(self._range[0], least), max(self._range[1], greatest)


def log1p(numbers: np.ndarray) -> np.ndarray:
    """sign(x) log(1 + |x|)."""
    return np.sign(numbers) * np.log1p(np.abs(numbers))
