"""Mean and deviation of parts are those of the whole."""

import numpy as np
import pytest

from tfmtl.features.statistics import Moments


def moments(*parts):
    found = Moments()
    for part in parts:
        found.update(np.asarray(part, np.float64))
    return found


def test_parts_give_the_mean_and_the_deviation_of_the_whole():
    numbers = np.random.default_rng(0).normal(3.0, 2.0, 1001)
    found = moments(numbers[:7], numbers[7:7], numbers[7:500], numbers[500:])
    assert found.count == 1001
    assert found.mean == pytest.approx(np.mean(numbers))
    assert found.deviation == pytest.approx(np.std(numbers))


def test_merging_halves_gives_the_whole():
    numbers = np.arange(11.0) ** 2
    left, right = moments(numbers[:4]), moments(numbers[4:])
    left.merge(right)
    left.merge(moments())
    assert (left.count, left.mean) == (11, pytest.approx(35.0))
    assert left.deviation == pytest.approx(np.std(numbers))


def test_a_small_spread_of_large_numbers_is_not_lost():
    """The difference of sums of squares, 1e30 each, would be noise."""
    numbers = 1e15 + np.array([0.0, 1.0, 2.0, 3.0])
    assert moments(numbers[:1], numbers[1:]).deviation == pytest.approx(np.std([0, 1, 2, 3]))


def test_nothing_has_no_spread():
    assert (moments().mean, moments().deviation) == (0.0, 0.0)
    assert moments([7.0]).deviation == 0.0


def test_numbers_whose_squares_have_no_float_have_no_finite_spread():
    large = [1e200, 3e200]
    found = moments(large, large)
    assert (found.mean, found.deviation) == (2e200, np.inf)
    assert not np.isfinite(moments([1.7e308, 1.7e308]).deviation)
