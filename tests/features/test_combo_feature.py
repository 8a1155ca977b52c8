"""A combo feature has an id for each combination of its columns' values."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

SIZE = 1_000_003
COLUMNS = {"a": "STRING", "b": "INT32"}


@pytest.fixture
def combo(columns):
    """Makes an encoder of one combo feature."""

    def make(feature, **fields):
        kind = "feature_name: 'c' feature_type: ComboFeature embedding_dim: 3"
        size = f"hash_bucket_size: {SIZE}"
        return columns(fields, f"features {{ {kind} {size} {feature} }}")

    return make


def encode(encoder, **raw):
    return encoder.encode({name: tf.constant(values) for name, values in raw.items()})["c"]


AB = "input_names: ['a', 'b']"


def test_each_combination_has_an_id_of_its_own(combo):
    a, b = zip(*itertools.product(["x", "y", "z"], [1, 2, 3]), strict=True)
    ids = encode(combo(AB, **COLUMNS), a=a, b=b).numpy()
    assert ids.dtype == np.int64
    assert len(set(ids)) == 9
    assert (ids >= 0).all() and (ids < SIZE).all()
    again = encode(combo(AB, **COLUMNS), a=["y"], b=[2])
    assert again == ids[list(zip(a, b, strict=True)).index(("y", 2))]


def test_values_are_not_confused_with_what_they_make_side_by_side(combo):
    encoder = combo("input_names: ['a', 'b']", a="STRING", b="STRING")
    one, other = encode(encoder, a=["ab", "a"], b=["c", "bc"]).numpy()
    assert one != other


def test_the_ids_are_those_of_crossed_columns(combo):
    crossed = tf.feature_column.crossed_column(["a", "b"], SIZE)
    dense = tf.compat.v1.feature_column.indicator_column(crossed)
    raw = {"a": tf.constant(["x"]), "b": tf.constant(["7"])}
    expected = tf.compat.v1.keras.layers.DenseFeatures(dense)(raw).numpy().argmax()
    assert encode(combo(AB, a="STRING", b="STRING"), a=["x"], b=["7"]) == expected


@pytest.mark.parametrize("missing", [{"a": [""], "b": [1]}, {"a": ["x"], "b": [-1]}])
def test_a_row_that_misses_a_value_has_no_id(combo, missing):
    assert encode(combo(AB, **COLUMNS), **missing) == -1


def test_a_default_stands_for_an_empty_text(combo):
    encoder = combo(AB, a=("STRING", "x"), b="INT32")
    empty, given = encode(encoder, a=["", "x"], b=[4, 4]).numpy()
    assert empty == given != -1


def test_values_joined_by_a_text_are_hashed_as_one(combo):
    encoder = combo(f"{AB} combo_join_sep: '_X_'", **COLUMNS)
    expected = tf.strings.to_hash_bucket_fast(["x_X_7", "_X_7"], SIZE)
    np.testing.assert_array_equal(encode(encoder, a=["x", ""], b=[7, 7]), expected)


def test_floats_become_text_with_their_digits(combo):
    encoder = combo(f"{AB} combo_join_sep: '_' precision: 1", a="FLOAT", b="INT32")
    expected = tf.strings.to_hash_bucket_fast(["2.5_7"], SIZE)
    np.testing.assert_array_equal(encode(encoder, a=[2.54], b=[7]), expected)


LISTS = f"{AB} combo_input_seps: ['|', '']"


def test_lists_are_crossed_item_by_item(combo):
    lists, plain = combo(LISTS, **COLUMNS), combo(AB, **COLUMNS)
    bags = encode(lists, a=["x|y", "", "z"], b=[1, 2, -1])
    assert isinstance(bags, tf.RaggedTensor)
    expected = encode(plain, a=["x", "y"], b=[1, 1]).numpy().tolist()
    assert bags.to_list() == [expected, [], []]


def test_lists_may_be_joined_by_a_text_too(combo):
    encoder = combo(f"{LISTS} combo_join_sep: '_'", **COLUMNS)
    expected = tf.strings.to_hash_bucket_fast(["x_1", "y_1"], SIZE).numpy().tolist()
    assert encode(encoder, a=["x|y", ""], b=[1, 2]).to_list() == [expected, []]


def test_two_lists_are_crossed_in_all_ways(combo):
    lists = combo(f"{AB} combo_input_seps: ['|', ';'] ", a="STRING", b="STRING")
    plain = combo(AB, a="STRING", b="STRING")
    one, none = encode(lists, a=["x|用户", "x"], b=["1;2;3", ";"]).to_list()
    pairs = list(itertools.product(["x", "用户"], ["1", "2", "3"]))
    expected = encode(plain, a=[a for a, _ in pairs], b=[b for _, b in pairs]).numpy()
    assert sorted(one) == sorted(expected) and none == []


def test_unicode_and_huge_numbers_are_crossed_as_text(combo):
    encoder = combo(f"{AB} combo_join_sep: '×'", a="STRING", b="INT64")
    numbers = np.array([2**63 - 1, -(2**63), -1])
    texts = [f"用户×{number}" for number in numbers]
    expected = tf.strings.to_hash_bucket_fast(texts, SIZE)
    np.testing.assert_array_equal(encode(encoder, a=["用户"] * 3, b=numbers), expected)
    crossed = combo(AB, a="STRING", b="INT64")
    first, second, missing = encode(crossed, a=["用户"] * 3, b=numbers).numpy()
    assert first != second and missing == -1


def test_nan_is_missing_and_infinities_are_values(combo):
    numbers = np.array([np.nan, np.inf, -np.inf], np.float32)
    crossed = combo(f"{AB} precision: 1", a="STRING", b="FLOAT")
    missing, high, low = encode(crossed, a=["x"] * 3, b=numbers).numpy()
    assert missing == -1 and high != low and min(high, low) >= 0
    joined = combo(f"{AB} precision: 1 combo_join_sep: '_'", a="STRING", b="FLOAT")
    expected = tf.strings.to_hash_bucket_fast(["x_nan", "x_inf", "x_-inf"], SIZE)
    np.testing.assert_array_equal(encode(joined, a=["x"] * 3, b=numbers), expected)


def test_a_separator_inside_a_value_is_part_of_it(combo):
    encoder = combo(AB, a="STRING", b="STRING")
    ids = encode(encoder, a=["x_X_y", "x", "x|y"], b=["z", "y_X_z", "z"]).numpy()
    assert len(set(ids)) == 3


@pytest.mark.parametrize("feature", [AB, f"{AB} combo_join_sep: '_'", LISTS])
def test_a_batch_may_be_empty(combo, feature):
    encoder = combo(feature, **COLUMNS)
    nothing = encode(encoder, a=tf.zeros([0], tf.string), b=tf.zeros([0], tf.int32))
    assert len(nothing.to_list() if isinstance(nothing, tf.RaggedTensor) else nothing) == 0


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        ("input_names: 'a'", "`input_names` should name two columns or more. Received: ['a']."),
        (
            f"{AB} combo_input_seps: '|'",
            "`combo_input_seps` should have one text for each of 2 columns. Received: ['|'].",
        ),
    ],
)
def test_a_wrong_one_is_refused(combo, feature, problem):
    with pytest.raises(ConfigError) as error:
        combo(feature, **COLUMNS)
    assert str(error.value) == f"Feature `c`: {problem}"
