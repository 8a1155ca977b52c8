"""Quantiles are exact of few numbers and close of many."""

import numpy as np

from tfmtl.features.statistics import QuantileSketch


def sketch(*parts, **how):
    found = QuantileSketch(**how)
    for part in parts:
        found.update(np.asarray(part, np.float64))
    return found


def inverted_cdf(numbers, steps):
    """NumPy's own: the least number of which at least a share is at most that."""
    shares = np.arange(steps + 1) / steps
    return np.quantile(np.asarray(numbers, np.float64), shares, method="inverted_cdf")


def held(found):
    return sum(each.size for each in found._buffers)


def test_few_numbers_have_exact_quantiles():
    numbers = np.random.default_rng(0).normal(size=333)
    np.testing.assert_array_equal(
        sketch(numbers[:100], numbers[100:]).grid(8), inverted_cdf(numbers, 8)
    )


def test_shares_are_not_rounded():
    """3 / 10 of ten numbers are the first three, though 0.3 * 10 is more than 3 among floats."""
    assert sketch(range(1, 11)).grid(10).tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_nothing_has_no_quantiles_and_one_number_is_all_of_them():
    assert sketch().grid(4).size == 0
    assert sketch([5.0]).grid(4).tolist() == [5.0] * 5


def test_many_numbers_have_ranks_that_are_off_by_a_few_of_1_over_capacity():
    numbers = np.random.default_rng(1).permutation(200_000).astype(np.float64)
    found = sketch(*np.array_split(numbers, 37), capacity=512)
    assert held(found) <= 512 * 10
    ranks = found.grid(100)[1:] + 1  # The rank of a number is the number of those up to it.
    wanted = np.arange(1, 101) / 100 * len(numbers)
    assert np.max(np.abs(ranks - wanted)) < 5 / 512 * len(numbers)
    assert np.mean(ranks - wanted) < 1 / 512 * len(numbers)


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
