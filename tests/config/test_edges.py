"""Edges of bins part numbers as they are."""

import numpy as np
import pytest

from tfmtl.config.edges import as_edges, equal_frequency, equal_width


def quantiles(numbers, steps=1000):
    """Of the numbers in order, those that a share of all stand before."""
    before = np.minimum(np.arange(steps + 1) * len(numbers) // steps, len(numbers) - 1)
    return np.sort(numbers)[before].tolist()


def rows_in_bins(numbers, edges):
    """How many numbers are in each bin; an edge belongs to the upper one."""
    return np.bincount(np.searchsorted(edges, numbers, side="right"), minlength=len(edges) + 1)


@pytest.mark.parametrize("bins", [2, 3, 7, 10])
def test_bins_of_equal_frequency_have_as_many_different_numbers_each(bins):
    numbers = np.arange(1.0, 841.0)
    edges = equal_frequency(quantiles(numbers, steps=840), bins)
    assert rows_in_bins(numbers, edges).tolist() == [840 // bins] * bins


def test_ten_numbers_in_two_bins_are_parted_in_the_middle():
    assert equal_frequency(quantiles(np.arange(1.0, 11.0)), 2) == [6.0]


def test_a_frequent_number_has_a_bin_of_its_own():
    numbers = np.array([0.0] * 90 + [1.0] * 4 + [2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    edges = equal_frequency(quantiles(numbers), 10)
    assert edges == [1.0]
    assert rows_in_bins(numbers, edges).tolist() == [90, 10]
    assert equal_frequency(quantiles(np.array([1.0, 2.0] + [3.0] * 98)), 5) == [3.0]
    middle = np.array([1.0, 2.0, 3.0] + [4.0] * 4 + [5.0, 6.0, 7.0])
    assert equal_frequency(quantiles(middle), 5) == [3.0, 4.0, 5.0, 6.0]


def test_no_bin_is_empty():
    numbers = np.random.default_rng(0).zipf(1.5, 5000).astype(np.float32).clip(max=99)
    edges = equal_frequency(quantiles(numbers), 20)
    assert len(edges) > 3
    assert rows_in_bins(numbers, edges).min() > 0


@pytest.mark.parametrize("parted", [equal_frequency(quantiles([5.0]), 4), equal_width(5.0, 5.0, 4)])
def test_one_number_cannot_be_parted(parted):
    assert parted == []


def test_bins_of_equal_width_are_equally_wide():
    assert equal_width(-2.0, 6.0, 4) == [0.0, 2.0, 4.0]


def test_edges_ascend_and_are_different_as_floats_of_32_bits():
    assert as_edges([3.0, 1.0, 1.0 + 1e-12, float("nan"), 0.1]) == [0.1, 1.0, 3.0]
