"""Which cells are lists, and of what."""

import pytest

from tfmtl.proposal.lists import lists_of
from tfmtl.proposal.profile import Profile


def lists(*cells):
    return lists_of(Profile("column", list(cells), "text", is_all=True))


@pytest.mark.parametrize("mark", ["|", ";", ",", "\x01", "\x02"])
def test_usual_separators_are_found(mark):
    found = lists(f"a{mark}b", "c", "", f"a{mark}a{mark}d")
    assert (found.separator, found.kv_separator, found.longest) == (mark, "", 3)
    assert found.counts == {"a": 3, "b": 1, "c": 1, "d": 1}


@pytest.mark.parametrize(
    "cells",
    [
        ("New York", "Los Angeles", "Rome"),
        ("Paris, France", "Rome, Italy"),
        ("one", "two"),
        (*["plain"] * 30, "a|b"),
    ],
)
def test_prose_names_and_rare_marks_are_no_lists(cells):
    assert lists(*cells) is None


def test_sentences_are_lists_of_their_words():
    assert lists("red shoes for men", "blue hats for all").separator == " "


@pytest.mark.parametrize("mark", [":", "="])
def test_weights_belong_to_the_values(mark):
    found = lists(f"a{mark}0.5|b{mark}1", f"a{mark}-2e-3")
    assert (found.separator, found.kv_separator) == ("|", mark)
    assert found.counts == {"a": 2, "b": 1}


@pytest.mark.parametrize("cells", [("a:x|b:1",), ("a|b:1",), (":1|a:2",)])
def test_values_that_are_not_all_weighted_are_plain(cells):
    assert lists(*cells).kv_separator == ""


@pytest.mark.parametrize(
    ("cells", "size"),
    [
        (("0.5|1", "2.5|-0.25"), 2),
        (("0.5|1", "2.5"), 0),
        (("1|2", "3|4"), 0),  # Whole numbers are ids.
        (("0.5|x", "2.5|y"), 0),
    ],
)
def test_equally_many_fractions_are_a_vector(cells, size):
    assert lists(*cells).vector_size == size


def test_a_history_has_repetitions_and_a_set_has_none():
    assert lists("a|b|a", "c").has_repetition
    assert not lists("a|b", "b|a").has_repetition
