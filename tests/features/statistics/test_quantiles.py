"""Quantiles are exact of few numbers and close of many."""

import numpy as np

from tfmtl.features.statistics import QuantileSketch


def sketch(*parts, **how):
    found = QuantileSketch(**how)
    for part in parts:
        found.update(np.asarray(part, np.float64))
    return found


def exact(numbers, steps):
    """Of the numbers in order, those that a share of all stand before."""
    before = [min(place * len(numbers) // steps, len(numbers) - 1) for place in range(steps + 1)]
    return np.sort(numbers)[before]


def held(found):
    return sum(each.size for each in found._buffers)


def test_few_numbers_have_exact_quantiles():
    numbers = np.random.default_rng(0).normal(size=333)
    np.testing.assert_array_equal(sketch(numbers[:100], numbers[100:]).grid(8), exact(numbers, 8))


def test_shares_are_not_rounded():
    """7 / 10 of ten numbers are seven, though 0.7 · 10 might be less among floats."""
    assert sketch(range(10)).grid(10).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_nothing_has_no_quantiles_and_one_number_is_all_of_them():
    assert sketch().grid(4).size == 0
    assert sketch([5.0]).grid(4).tolist() == [5.0] * 5


def test_many_numbers_have_ranks_that_are_off_by_a_few_of_1_over_capacity():
    numbers = np.random.default_rng(1).permutation(200_000).astype(np.float64)
    found = sketch(*np.array_split(numbers, 37), capacity=512)
    assert held(found) <= 512 * 10
    ranks = found.grid(100)  # Each number is how many there are before it.
    wanted = np.arange(101) / 100 * len(numbers)
    assert np.max(np.abs(ranks - wanted)) < 5 / 512 * len(numbers)
    assert abs(np.mean(ranks - wanted)) < 1 / 512 * len(numbers)


def test_every_number_is_counted_once_whatever_is_compacted():
    found = sketch(*[np.arange(k) for k in (5, 17, 33, 2)], capacity=4)
    weights = [2**level * each.size for level, each in enumerate(found._buffers)]
    assert sum(weights) == 5 + 17 + 33 + 2


def test_merging_halves_of_few_numbers_is_the_whole():
    numbers = np.arange(50.0)
    left, right = sketch(numbers[::2]), sketch(numbers[1::2])
    left.merge(right)
    np.testing.assert_array_equal(left.grid(5), sketch(numbers).grid(5))


def test_merging_halves_of_many_numbers_is_close_to_the_whole():
    numbers = np.random.default_rng(2).permutation(100_000).astype(np.float64)
    left, right = sketch(numbers[:30_000], capacity=512), sketch(numbers[30_000:], capacity=512)
    left.merge(right)
    wanted = np.arange(11) / 10 * len(numbers)
    assert np.max(np.abs(left.grid(10) - wanted)) < 5 / 512 * len(numbers)
