"""The rule of buckets and widths."""

import numpy as np
import pytest

from tfmtl.proposal.numbers import bin_edges, is_skewed, value_range
from tfmtl.proposal.sizes import buckets, width


@pytest.mark.parametrize(
    ("distinct", "is_all", "expected"),
    [
        (2, True, 100),
        (25, True, 100),
        (26, True, 200),
        (100, True, 500),
        (200, True, 1000),
        (200, False, 5000),
        (9_000_000, True, 10_000_000),
    ],
)
def test_buckets_are_round_and_have_room(distinct, is_all, expected):
    assert buckets(distinct, is_all) == expected


@pytest.mark.parametrize(("distinct", "expected"), [(1, 4), (100, 4), (101, 8), (10_001, 16)])
def test_embeddings_get_wider_with_the_values(distinct, expected):
    assert width(distinct) == expected


def test_only_long_tails_are_skewed():
    random = np.random.default_rng(1)
    assert is_skewed(np.exp(random.normal(size=1000)))
    assert is_skewed(-np.exp(random.normal(size=1000)))
    assert not is_skewed(random.normal(size=1000))
    assert not is_skewed(np.full(5, 7.0))


def test_numbers_whose_squares_have_no_float_are_not_skewed():
    assert not is_skewed(np.array([1e200, -1e200, 0.0]))


def test_bins_hold_equally_many_numbers():
    assert bin_edges(np.arange(1, 1002.0)) == [101, 201, 301, 401, 501, 601, 701, 801, 901]


def test_a_frequent_number_has_one_bin():
    assert bin_edges(np.array([0.0] * 85 + list(range(1, 16)))) == [5.1]


def test_the_range_leaves_out_what_is_far_away():
    numbers = np.array([*np.linspace(0, 1, 999), 1e6])
    assert value_range(numbers) == pytest.approx((0.01, 0.99), abs=0.01)
    assert value_range(np.array([0.0] * 999 + [5.0])) == (0.0, 5.0)
