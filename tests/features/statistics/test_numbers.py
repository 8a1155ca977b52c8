"""What is told of numbers is what NumPy tells."""

import dataclasses

import numpy as np
import pytest

from tfmtl.features.statistics import Numbers

NAN, INF = np.nan, np.inf


def summary(*parts):
    found = Numbers()
    for part in parts:
        found.update(np.asarray(part, np.float64))
    return found.result()


def test_numbers_are_described_as_numpy_does():
    numbers = np.random.default_rng(0).normal(5.0, 30.0, 777).round(1)
    found = summary(numbers[:100], numbers[100:])
    assert (found.count, found.distinct) == (777, len(np.unique(numbers)))
    assert found.zeros == np.count_nonzero(numbers == 0)
    assert (found.min, found.max) == (numbers.min(), numbers.max())
    assert (found.mean, found.deviation) == pytest.approx((np.mean(numbers), np.std(numbers)))
    logarithms = np.sign(numbers) * np.log1p(np.abs(numbers))
    measured = found.log1p_mean, found.log1p_deviation
    assert measured == pytest.approx((np.mean(logarithms), np.std(logarithms)))
    before = np.minimum(np.arange(1001) * 777 // 1000, 776)
    np.testing.assert_array_equal(found.quantiles, np.sort(numbers)[before])


def test_what_is_missing_or_infinite_spoils_nothing():
    found = summary([1.0, NAN, INF, 3.0], [-INF, NAN, NAN])
    assert (found.count, found.missing, found.infinite, found.distinct) == (2, 3, 2, 2)
    assert (found.mean, found.deviation, found.min, found.max) == (2.0, 1.0, 1.0, 3.0)


@pytest.mark.parametrize("numbers", [[], [NAN], [INF, -INF]])
def test_without_numbers_there_is_nothing_to_tell(numbers):
    found = summary(numbers)
    assert (found.count, found.distinct, found.quantiles) == (0, 0, [])
    assert (found.mean, found.deviation, found.min, found.max) == (0.0, 0.0, 0.0, 0.0)


def test_one_number_is_all_there_is():
    found = summary([-2.5])
    assert (found.count, found.mean, found.deviation) == (1, -2.5, 0.0)
    assert set(found.quantiles) == {found.min} == {found.max} == {-2.5}


def test_huge_whole_numbers_are_told_apart():
    found = summary([2.0**62, 2.0**62 + 2**11, -(2.0**63)])
    assert (found.distinct, found.min, found.max) == (3, -(2.0**63), 2.0**62 + 2**11)


def test_minus_zero_is_zero():
    assert summary([0.0, -0.0]).distinct == 1
    assert summary([0.0, -0.0]).zeros == 2


def test_merging_halves_is_the_whole():
    numbers = [*np.random.default_rng(1).integers(-9, 9, 99).astype(float), NAN, INF]
    left, right = Numbers(), Numbers()
    left.update(np.array(numbers[:30]))
    right.update(np.array(numbers[30:]))
    left.merge(right)
    left.merge(Numbers())
    wanted, found = (dataclasses.asdict(each) for each in (summary(numbers), left.result()))
    assert found.pop("quantiles") == wanted.pop("quantiles")
    assert found == pytest.approx(wanted)
