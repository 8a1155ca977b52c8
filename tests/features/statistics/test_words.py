"""Words are counted exactly while they are few, and the most frequent ones nearly among many."""

import collections

import numpy as np
import pytest

from tfmtl.features.statistics import WordCounter


def counter(*parts, **how):
    found = WordCounter(**how)
    for part in parts:
        found.update(part)
    return found


def zipf(count, seed=0):
    return [b"w%d" % n for n in np.random.default_rng(seed).zipf(1.3, count)]


def test_words_come_in_falling_order_of_their_counts_and_then_in_their_own():
    found = counter([b"b", b"a", b"c", b"a"], [b"c", b"d"])
    assert found.most_common() == [(b"a", 2), (b"c", 2), (b"b", 1), (b"d", 1)]
    assert (found.total, found.distinct, found.count_error) == (6, 4, 0)


def test_any_bytes_are_words():
    words = ["Київ".encode(), b"\xff\xfe", b"a\nb", b"a|b", b"\x00"]
    assert counter(words).most_common() == [(word, 1) for word in sorted(words)]


def test_no_more_words_are_kept_than_there_is_room_for():
    found = counter([b"a", b"b", b"c"], capacity=2)
    assert found.most_common() == [(b"a", 1), (b"b", 1)]
    assert found.distinct == 3


def test_counts_of_many_words_fall_short_by_the_stated_error_at_most():
    words = zipf(50_000)
    found = counter(*np.array_split(np.array(words, object), 40), capacity=50)
    exact = collections.Counter(words)
    assert 0 < found.count_error <= len(words) / 51
    assert len(found._counts) <= 100
    for word, count in found.most_common():
        assert exact[word] - found.count_error <= count <= exact[word]
    frequent = {word for word, count in exact.items() if count > found.count_error}
    assert frequent <= set(found._counts)
    assert found.distinct == pytest.approx(len(exact), rel=0.03)


def test_merging_halves_is_the_whole():
    words = zipf(1000)
    left, right = counter(words[:300]), counter(words[300:])
    left.merge(right)
    assert left.most_common() == counter(words).most_common()
    assert (left.total, left.distinct) == (1000, len(set(words)))


def test_merging_halves_of_many_words_keeps_the_stated_error():
    words = zipf(50_000)
    left, right = counter(words[:20_000], capacity=50), counter(words[20_000:], capacity=50)
    left.merge(right)
    exact = collections.Counter(words)
    assert left.count_error <= len(words) / 51
    for word, count in left.most_common():
        assert exact[word] - left.count_error <= count <= exact[word]
    assert left.distinct == pytest.approx(len(exact), rel=0.03)
