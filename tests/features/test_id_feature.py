"""An id feature is one id a row."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError


def hashed(text, size):
    return int(tf.strings.to_hash_bucket_fast(text, size))


@pytest.fixture
def encoded(columns):
    def encode(fields, feature, **raw):
        encoder = columns(fields, f"features {{ embedding_dim: 3 {feature} }}")
        return encoder.encode({name: tf.constant(values) for name, values in raw.items()})

    return encode


def test_an_id_is_named_by_its_column_or_by_its_feature_name(encoded):
    fields = {"user": "STRING"}
    assert list(encoded(fields, "input_names: 'user' hash_bucket_size: 5", user=["a"])) == ["user"]
    named = "input_names: 'user' hash_bucket_size: 5 feature_name: 'who'"
    assert list(encoded(fields, named, user=["a"])) == ["who"]


@pytest.mark.parametrize(
    ("vocabularies", "expected"),
    [
        ("hash_bucket_size: 101 vocab_list: ['2'] num_buckets: 7", hashed("2", 101)),
        ("vocab_list: ['1', '2'] vocab_file: 'none' num_buckets: 7", 1),
        ("num_buckets: 7", 2),
    ],
)
def test_the_first_vocabulary_of_hash_list_file_and_number_decides(encoded, vocabularies, expected):
    result = encoded({"n": "STRING"}, f"input_names: 'n' {vocabularies}", n=["2"])
    assert result["n"].numpy() == [expected]


def test_a_file_comes_before_a_number(encoded, words):
    path = words("1", "2", "3")
    feature = f"input_names: 'n' vocab_file: '{path}' num_buckets: 7"
    assert encoded({"n": "INT32"}, feature, n=[3, 9])["n"].numpy().tolist() == [2, 0]


def test_the_default_of_a_text_column_stands_for_an_empty_cell(encoded):
    feature = "input_names: 'c' vocab_list: ['a', 'b']"
    assert encoded({"c": ("STRING", "b")}, feature, c=["", "a"])["c"].numpy().tolist() == [1, 0]
    assert encoded({"c": ("STRING", "x")}, feature, c=["", "b"])["c"].numpy().tolist() == [0, 1]
    feature = "input_names: 'c' num_buckets: 5"
    values = encoded({"c": ("STRING", "3")}, feature, c=["", "-1", "2"])["c"]
    assert values.numpy().tolist() == [3, -1, 2]
    assert encoded({"c": ("STRING", "x")}, feature, c=["", "2"])["c"].numpy().tolist() == [0, 2]


def test_minus_one_is_missing_even_if_the_integer_column_has_a_default(encoded):
    feature = "input_names: 'n' num_buckets: 5"
    assert encoded({"n": ("INT32", "3")}, feature, n=[-1, 4])["n"].numpy().tolist() == [-1, 4]
    feature = "input_names: 'n' vocab_list: ['4', '3']"
    assert encoded({"n": ("INT32", "3")}, feature, n=[-1, 4])["n"].numpy().tolist() == [-1, 0]


def test_nan_is_missing_unless_the_column_has_a_default(encoded):
    feature = "input_names: 'x' hash_bucket_size: 7 precision: 1"
    values = [np.float32("nan"), np.float32(2)]
    assert encoded({"x": "FLOAT"}, feature, x=values)["x"].numpy().tolist() == [
        -1,
        hashed("2.0", 7),
    ]
    result = encoded({"x": ("FLOAT", "2.0")}, feature, x=values)
    assert result["x"].numpy().tolist() == [hashed("2.0", 7)] * 2


@pytest.mark.parametrize("ids", ["hash_bucket_size: 101 precision: 2", "num_buckets: 7"])
def test_nan_has_the_id_that_its_default_has_as_a_number(encoded, ids):
    values = [np.float32("nan"), np.float32(2)]
    result = encoded({"x": ("FLOAT", "2.0")}, f"input_names: 'x' {ids}", x=values)
    missing, two = result["x"].numpy()
    assert missing == two == (2 if "num" in ids else hashed("2.00", 101))


def test_no_rows_are_no_ids(encoded):
    nothing = tf.zeros([0], tf.string)
    result = encoded({"u": "STRING"}, "input_names: 'u' hash_bucket_size: 5", u=nothing)
    assert result["u"].shape == (0,)


@pytest.mark.parametrize(
    ("fields", "feature", "problem"),
    [
        (
            {"n": "INT32"},
            "input_names: 'n'",
            "one of `hash_bucket_size`, `vocab_list`, `vocab_file` and `num_buckets` should be "
            "set. Received: none.",
        ),
        (
            {"n": "DOUBLE"},
            "input_names: 'n' hash_bucket_size: 9",
            "`precision` should be at least 0, because column `n` holds DOUBLE numbers that must "
            "become text. Received: -1.",
        ),
        (
            {"n": "INT32"},
            "feature_name: 'n' input_names: ['m'] num_buckets: 9",
            "`input_names` should name columns of `data_config.input_fields`. Received: `m`. "
            "Known: n.",
        ),
        (
            {"n": "INT32"},
            "input_names: ['n', 'n'] num_buckets: 9",
            "`input_names` should name one column. Received: ['n', 'n'].",
        ),
        (
            {"n": "INT32"},
            "input_names: 'n' num_buckets: 9 "
            "initializer { constant_initializer { consts: [1, 2] } }",
            "`constant_initializer.consts` should have one value, or one for each place of the "
            "embedding, which is 3 wide. Received: 2 values.",
        ),
    ],
)
def test_a_config_that_does_not_describe_an_id_is_an_error(columns, fields, feature, problem):
    with pytest.raises(ConfigError) as error:
        columns(fields, f"features {{ embedding_dim: 3 {feature} }}")
    assert str(error.value) == f"Feature `n`: {problem}"


def test_an_id_must_be_embedded(columns):
    with pytest.raises(ConfigError) as error:
        columns({"n": "INT32"}, "features { input_names: 'n' num_buckets: 9 }")
    assert str(error.value) == (
        "Feature `n`: `embedding_dim` should be at least 1, because ids are embedded. Received: 0."
    )
