"""Cells with lists become ragged tensors."""

import re

import pytest
import tensorflow as tf

from tfmtl.features.splitting import bags_of_one, split_items, split_once, split_places
from tfmtl.layers.steps import align


def decoded(ragged):
    return [[item.decode() for item in row] for row in ragged.to_list()]


CELLS = ["a|b", "", "|", "c", "a||b|", " |d", "用户|物品"]


def test_items_stand_between_separators_and_empty_ones_are_dropped():
    expected = [[item for item in cell.split("|") if item] for cell in CELLS]
    assert decoded(split_items(tf.constant(CELLS), "|")) == expected


@pytest.mark.parametrize("separator", [", ", "|;", "\x01\x02", "、，", "|、", ".*"])
def test_each_character_of_the_separator_separates(separator):
    one, other = separator
    cell = f"a{one}b{other}{one}c"
    assert decoded(split_items(tf.constant([cell, ""]), separator)) == [["a", "b", "c"], []]


def test_a_wide_separator_does_not_cut_other_characters_that_share_its_bytes():
    cells = ["、、丁、一、", "丁"]
    assert all(set("、".encode()) & set(character.encode()) for character in "丁一")
    assert decoded(split_items(tf.constant(cells), "、")) == [["丁", "一"], ["丁"]]


def test_places_keep_empty_items():
    assert decoded(split_places(tf.constant(CELLS), "|")) == [cell.split("|") for cell in CELLS]
    assert decoded(split_places(tf.constant(["1, 2,3"]), ", ")) == [["1", "2,3"]]


@pytest.mark.parametrize("split", [split_items, split_places])
def test_no_rows_are_split_into_no_rows(split):
    assert split(tf.constant([], tf.string), "|").to_list() == []


def test_a_pair_is_split_at_its_first_separator():
    keys, values = split_once(tf.constant(["a:1", "b", "c:", ":2", "d:e:3", ""]), ":")
    assert keys.numpy().tolist() == [b"a", b"b", b"c", b"", b"d", b""]
    assert values.numpy().tolist() == [b"1", b"", b"", b"2", b"e:3", b""]
    assert split_once(tf.constant([], tf.string), ":")[0].shape == (0,)


@pytest.mark.parametrize(
    "values",
    [tf.constant([3, -1, 0]), tf.constant([0.5, float("nan"), -1.0]), tf.constant(["a", "", "-1"])],
)
def test_a_value_is_a_bag_of_one_and_a_missing_value_an_empty_bag(values):
    first, _, last = values.numpy().tolist()
    assert bags_of_one(values).to_list() == [[first], [], [last]]


def test_a_boolean_is_never_missing():
    assert bags_of_one(tf.constant([True, False])).to_list() == [[True], [False]]


@pytest.mark.parametrize(
    ("given", "items"),
    [
        ([[1.0, 2.0], [3.0]], [2, 1]),
        ([[1.0], [], [2.0, 3.0, 4.0], []], [2, 1, 2, 0]),
        ([[], []], [0, 3]),
        ([], []),
        ([[1.0, 2.0]], [0]),
    ],
)
def test_weights_are_cut_and_filled_up_to_the_items(given, items):
    values = tf.RaggedTensor.from_row_lengths(
        tf.constant(sum(given, []), tf.float32), [*map(len, given)]
    )
    to = tf.RaggedTensor.from_row_lengths(tf.zeros([sum(items)]), tf.constant(items, tf.int64))
    expected = [(row + [9.0] * count)[:count] for row, count in zip(given, items, strict=True)]
    assert align(values, to, fill=9.0).numpy().tolist() == sum(expected, [])


def test_a_separator_that_means_something_to_patterns_is_taken_as_it_is():
    for separator in re.escape("^$.*+?[]()\\"):
        cell = tf.constant([f"a{separator}b"])
        assert decoded(split_items(cell, separator)) == [["a", "b"]]
        assert decoded(split_items(cell, separator + "、")) == [["a", "b"]]
