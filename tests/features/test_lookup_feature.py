"""A lookup feature is a bag of the values that a row's map has for the row's key."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

WORDS = "vocab_list: ['a', 'b', 'c', '用户']"
INPUTS = "input_names: ['key', 'map']"


@pytest.fixture
def lookup(columns):
    """Makes an encoder of one lookup feature."""

    def make(feature, key="STRING", entries="STRING"):
        kind = "feature_name: 'l' feature_type: LookupFeature embedding_dim: 3"
        return columns({"key": key, "map": entries}, f"features {{ {kind} {INPUTS} {feature} }}")

    return make


def bags(encoder, keys, maps):
    raw = {"key": tf.constant(keys), "map": tf.constant(maps)}
    return encoder.encode(raw)["l"].to_list()


def malformed(encoder, keys, maps):
    raw = {"key": tf.constant(keys), "map": tf.constant(maps)}
    return encoder.malformed(raw)["l"].numpy().tolist()


def by_hand(key, text, most=10):
    """The formula in Python."""
    words = ["a", "b", "c", "用户"]
    entries = [entry.partition(":") for entry in text.split("|") if entry]
    found = [value for k, _, value in entries if k == key][:most]
    return [words.index(value) if value in words else 0 for value in found]


MAPS = ["x:a|y:b|x:c", "y:b", "", "x:用户|z:a", "x:b:c|x", "|x:b||"]


def test_the_values_of_the_key_are_the_bag(lookup):
    for key in ("x", "y", "nobody", ""):
        expected = [by_hand(key, text) for text in MAPS]
        assert bags(lookup(WORDS), [key] * len(MAPS), MAPS) == expected


def test_each_row_looks_into_its_own_map(lookup):
    assert bags(lookup(WORDS), ["x", "y", "x"], ["x:a", "x:a", "y:a|x:c"]) == [[0], [], [2]]


def test_only_the_first_values_are_kept(lookup):
    encoder = lookup(f"{WORDS} lookup_max_sel_elem_num: 2")
    assert bags(encoder, ["x", "x"], ["x:a|x:b|x:c", "x:c"]) == [[0, 1], [2]]


def test_values_are_hashed_and_keys_may_be_numbers(lookup):
    encoder = lookup("hash_bucket_size: 97 separator: ';' kv_separator: '='", key="INT64")
    expected = tf.strings.to_hash_bucket_fast(["p", "q"], 97).numpy().tolist()
    assert bags(encoder, [2**40, 3], [f"{2**40}=p;3=r;{2**40}=q", "4=p"]) == [expected, []]


def test_unicode_keys_and_separators_are_found(lookup):
    encoder = lookup(f"{WORDS} separator: '、' kv_separator: '：'")
    assert bags(encoder, ["用户", "户"], ["用户：b、户：c", "用户：b、户：用户"]) == [[1], [3]]


def test_a_separator_inside_a_value_is_part_of_it_and_in_a_key_is_not(lookup):
    encoder = lookup("hash_bucket_size: 97")
    expected = tf.strings.to_hash_bucket_fast(["http://a:80"], 97).numpy().tolist()
    assert bags(encoder, ["x", "x:http"], ["x:http://a:80"] * 2) == [expected, []]


def test_float_keys_are_text_of_their_digits_and_huge_values_are_out_of_range(lookup):
    encoder = lookup("num_buckets: 5 precision: 1", key="FLOAT")
    maps = [f"2.5:{2**70}|2.5:4", "inf:3", "nan:2|2.5:1", "2.5:-1"]
    keys = np.array([2.5, np.inf, 2.5, 2.54], np.float32)
    assert bags(encoder, keys, maps) == [[0, 4], [3], [1], [0]]


def test_no_rows_are_no_bags(lookup):
    assert bags(lookup(WORDS), tf.zeros([0], tf.string), tf.zeros([0], tf.string)) == []


def test_entries_without_key_or_value_are_malformed(lookup):
    maps = ["x:a|y:b", "", ":a", "x", "x:", "x:a|:"]
    assert malformed(lookup(WORDS), ["x"] * 6, maps) == [False, False, True, True, True, True]


def test_values_that_should_be_numbers_and_are_not_are_malformed(lookup):
    encoder = lookup("num_buckets: 5")
    assert bags(encoder, ["x", "x"], ["x:4|x:9", "x:no"]) == [[4, 0], [0]]
    assert malformed(encoder, ["x", "x"], ["x:4|x:9", "x:no"]) == [False, True]


def test_a_map_that_is_no_text_is_refused(lookup):
    with pytest.raises(ConfigError) as error:
        lookup(WORDS, entries="INT32")
    assert str(error.value) == (
        "Feature `l`: column `map` should be STRING, because it holds maps. Received: INT32."
    )
