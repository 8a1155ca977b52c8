"""A sample has every row with the same chance."""

import numpy as np

from tfmtl.features.statistics import RowSample


def sample(*parts, **how):
    found = RowSample(width=2, **how)
    for part in parts:
        found.update(part)
    return found


def rows(count, first=0):
    numbers = np.arange(first, first + count, dtype=np.float64)
    return np.stack([numbers, -numbers], axis=1)


def test_few_rows_are_all_kept():
    found = sample(rows(3), rows(0), rows(2, first=3), most=5)
    np.testing.assert_array_equal(found.rows, rows(5))
    assert sample(most=5).rows.shape == (0, 2)


def test_of_many_rows_each_is_as_likely_whenever_it_came():
    found = sample(*[rows(1000, first) for first in range(0, 100_000, 1000)], most=2000)
    assert found.rows.shape == (2000, 2)
    np.testing.assert_array_equal(found.rows[:, 0], -found.rows[:, 1])
    assert len(np.unique(found.rows[:, 0])) == 2000
    # The mean of 2000 uniform draws from 0 to 100,000 deviates by 100,000 / sqrt(12 · 2000).
    assert abs(found.rows[:, 0].mean() - 50_000) < 4 * 100_000 / np.sqrt(12 * 2000)


def test_merging_draws_from_both_by_their_sizes():
    left, right = sample(rows(9000), most=1000, seed=1), sample(rows(1000, 9000), most=1000, seed=2)
    left.merge(right)
    assert len(left.rows) == 1000
    from_right = np.count_nonzero(left.rows[:, 0] >= 9000)
    assert abs(from_right - 100) < 4 * np.sqrt(1000 * 0.1 * 0.9)


def test_merging_few_keeps_all():
    left, right = sample(rows(2), most=9), sample(rows(3, 2), most=9)
    left.merge(right)
    np.testing.assert_array_equal(left.rows, rows(5))
