"""A tag feature is a bag of ids a row, with or without weights."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

WORDS = "vocab_list: ['a', 'b', '用户', '7']"


@pytest.fixture
def tags(columns):
    """Makes an encoder of one tag feature."""

    def make(feature, **fields):
        kind = "feature_name: 't' feature_type: TagFeature embedding_dim: 3"
        return columns(fields, f"features {{ {kind} {feature} }}")

    return make


def bags(encoder, **raw):
    encoded = encoder.encode({name: tf.constant(values) for name, values in raw.items()})
    return encoded["t"].to_list()


def weights(encoder, **raw):
    encoded = encoder.encode({name: tf.constant(values) for name, values in raw.items()})
    np.testing.assert_array_equal(encoded["t"].row_splits, encoded["t/weights"].row_splits)
    return encoded["t/weights"].to_list()


def malformed(encoder, **raw):
    found = encoder.malformed({name: tf.constant(values) for name, values in raw.items()})
    return found["t"].numpy().tolist() if found else None


def test_a_cell_is_a_bag_of_its_items(tags):
    encoder = tags(f"input_names: 'x' {WORDS}", x="STRING")
    cells = ["b|a|b", "", "|", "7", "a||用户|", "unknown|a"]
    assert bags(encoder, x=cells) == [[1, 0, 1], [], [], [3], [0, 2], [0, 0]]
    assert malformed(encoder, x=cells) is None


def test_items_are_hashed(tags):
    encoder = tags("input_names: 'x' hash_bucket_size: 11 separator: ' '", x="STRING")
    items = ["a", "用户", str(2**63)]
    expected = tf.strings.to_hash_bucket_fast(items, 11).numpy().tolist()
    assert bags(encoder, x=[" ".join(items)]) == [expected]


def test_items_that_are_numbers_are_their_own_ids(tags):
    encoder = tags("input_names: 'x' num_buckets: 5", x="STRING")
    cells = ["4|3", "5|-1|" + "9" * 30, "x|2|1.0"]
    assert bags(encoder, x=cells) == [[4, 3], [0, 0, 0], [0, 2, 0]]
    assert malformed(encoder, x=cells) == [False, False, True]


def test_the_default_stands_for_an_empty_cell(tags):
    encoder = tags(f"input_names: 'x' {WORDS}", x=("STRING", "b|a"))
    assert bags(encoder, x=["", "a", "|"]) == [[1, 0], [0], []]


def test_a_number_is_a_bag_of_one(tags):
    encoder = tags("input_names: 'x' num_buckets: 5", x="INT32")
    assert bags(encoder, x=[4, -1, 9]) == [[4], [], [0]]
    assert bags(tags(f"input_names: 'x' {WORDS}", x="INT64"), x=[7, -1]) == [[3], []]


def test_nan_is_an_empty_bag_unless_the_column_has_a_default(tags):
    feature, cells = "input_names: 'x' num_buckets: 5", [float("nan"), 4.0]
    assert bags(tags(feature, x="FLOAT"), x=cells) == [[], [4]]
    assert bags(tags(feature, x=("FLOAT", "3")), x=cells) == [[3], [4]]


def test_no_rows_are_no_bags(tags):
    plain = tags(f"input_names: 'x' {WORDS}", x="STRING")
    paired = tags(f"input_names: 'x' kv_separator: ':' {WORDS}", x="STRING")
    for encoder in (plain, paired):
        assert bags(encoder, x=tf.zeros([0], tf.string)) == []


PAIRS = {
    "a:0.5|b:2": ([0, 1], [0.5, 2.0], False),
    "a|b:": ([0, 1], [1.0, 1.0], False),
    "": ([], [], False),
    "b:-1e1|a:0": ([1, 0], [-10.0, 0.0], False),
    "a:x": ([0], [1.0], True),
    "a:nan|b:inf": ([0, 1], [1.0, 1.0], True),
    "a:b:3": ([0], [1.0], True),
    ":3|b:2": ([0, 1], [0.0, 2.0], True),
}


def test_weights_stand_behind_the_items(tags):
    encoder = tags(f"input_names: 'x' kv_separator: ':' {WORDS}", x="STRING")
    expected_ids, expected_weights, wrong = map(list, zip(*PAIRS.values(), strict=True))
    assert bags(encoder, x=list(PAIRS)) == expected_ids
    assert weights(encoder, x=list(PAIRS)) == expected_weights
    assert malformed(encoder, x=list(PAIRS)) == wrong


def test_a_pair_whose_item_is_no_number_is_malformed(tags):
    encoder = tags("input_names: 'x' kv_separator: '=' num_buckets: 9", x="STRING")
    assert bags(encoder, x=["3=2|4", "c=2"]) == [[3, 4], [0]]
    assert malformed(encoder, x=["3=2|4", "c=2"]) == [False, True]


LISTS = {
    ("a|b", "0.5|2"): ([0.5, 2.0], False),
    ("a|b", "0.5"): ([0.5, 1.0], True),
    ("a|b", ""): ([1.0, 1.0], True),
    ("a", "2|3"): ([2.0], True),
    ("", ""): ([], False),
    ("", "3"): ([], True),
    ("a||b", "2|3"): ([2.0, 3.0], False),
    ("a|b", "x|nan"): ([1.0, 1.0], True),
}


def test_weights_stand_in_a_second_column(tags):
    encoder = tags(f"input_names: ['x', 'w'] {WORDS}", x="STRING", w="STRING")
    items, given = map(list, zip(*LISTS, strict=True))
    expected, wrong = map(list, zip(*LISTS.values(), strict=True))
    assert weights(encoder, x=items, w=given) == expected
    assert malformed(encoder, x=items, w=given) == wrong


def test_the_default_weights_stand_for_an_empty_cell(tags):
    encoder = tags(f"input_names: ['x', 'w'] {WORDS}", x="STRING", w=("STRING", "3|4"))
    assert weights(encoder, x=["a|b"], w=[""]) == [[3.0, 4.0]]
    assert malformed(encoder, x=["a|b"], w=[""]) == [False]


def test_a_column_of_numbers_weighs_one_item(tags):
    encoder = tags("input_names: ['x', 'w'] num_buckets: 9", x="INT32", w="FLOAT")
    raw = {"x": [3, -1, 4, 5], "w": [0.5, 0.5, np.nan, -1.0]}
    assert weights(encoder, **raw) == [[0.5], [], [1.0], [-1.0]]
    assert malformed(encoder, **raw) == [False, False, True, False]
    mixed = tags(f"input_names: ['x', 'w'] {WORDS}", x="STRING", w="INT32")
    assert weights(mixed, x=["a", "a|b", ""], w=[2, -1, 0]) == [[2.0], [-1.0, 1.0], []]
    assert malformed(mixed, x=["a", "a|b", ""], w=[2, -1, 0]) == [False, True, False]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (f"input_names: 'x' {WORDS}", "items separated by `|`"),
        ("input_names: 'x' num_buckets: 5 separator: ','", "whole numbers separated by `,`"),
        (
            f"input_names: ['x', 'w'] {WORDS}",
            "items separated by `|` with a weight for each in column `w`",
        ),
        (
            f"input_names: 'x' kv_separator: ':' {WORDS}",
            "items separated by `|`, each like `item:weight`",
        ),
        ("input_names: 'n' num_buckets: 5", "whole numbers"),
    ],
)
def test_it_says_what_it_expects(tags, feature, message):
    encoder = tags(feature, x="STRING", w="STRING", n="DOUBLE")
    assert encoder.features["t"].expects == message


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (
            f"input_names: ['x', 'w'] kv_separator: ':' {WORDS}",
            "weights should come from `kv_separator` or from a second column, not from both. "
            "Received: `:` and `w`.",
        ),
        (
            "input_names: 'n' kv_separator: ':' num_buckets: 7",
            "`kv_separator` should be unset, because column `n` is not text. Received: `:`.",
        ),
        (
            f"input_names: ['x', 'w', 'n'] {WORDS}",
            "`input_names` should name 1 to 2 columns. Received: ['x', 'w', 'n'].",
        ),
    ],
)
def test_a_config_that_does_not_describe_a_bag_is_an_error(tags, feature, problem):
    with pytest.raises(ConfigError) as error:
        tags(feature, x="STRING", w="STRING", n="INT32")
    assert str(error.value) == f"Feature `t`: {problem}"
