"""Different values are counted exactly while they are few, then nearly."""

import numpy as np
import pytest

from tfmtl.features.statistics import DistinctCounter


def hashes(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


def counter(*parts, **how):
    found = DistinctCounter(**how)
    for part in parts:
        found.update(part)
    return found


def test_few_values_are_counted_exactly_however_often_they_come():
    values = hashes(4096)
    assert counter(values, values[:7], values).count == 4096
    assert counter().count == counter(values[:0]).count == 0


@pytest.mark.parametrize("count", [5_000, 60_000, 2_000_000])
def test_many_values_are_counted_within_four_standard_errors(count):
    values = hashes(count)
    found = counter(values, values[: count // 2])
    assert found.count == pytest.approx(count, rel=4 * 1.04 / np.sqrt(2**14))


@pytest.mark.parametrize(("first", "second"), [(30, 40), (30, 9000), (9000, 30), (9000, 8000)])
def test_merging_parts_counts_as_the_whole_does(first, second):
    values = hashes(first + second)
    left, right = counter(values[:first]), counter(values[first - 10 :])
    left.merge(right)
    assert left.count == counter(values).count
