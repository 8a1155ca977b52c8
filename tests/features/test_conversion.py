"""Any value becomes text, an integer or a number, and none of them fails."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.features.conversion import as_integers, as_numbers, as_text, is_number, is_whole

WHOLE = {"7": 7, "-7": -7, "+7": 7, " 7\t": 7, "007": 7, "-0": 0, "0" * 40 + "12": 12}
WHOLE |= {str(10**18 - 1): 10**18 - 1, str(1 - 10**18): 1 - 10**18}
HUGE = ["9" * 19, "-" + "9" * 19, "9" * 400]
NOT_WHOLE = [
    "",
    " ",
    "1.0",
    "1e3",
    "x",
    "1 2",
    "--1",
    "1_0",
    "0x10",
    "１２",
    "٣",
    "用户",
    "7\x00",
    "nan",
]

NUMBERS = {"7": 7, "-7.25": -7.25, "+.5": 0.5, "5.": 5, " 1e-3 ": 1e-3, "1E3": 1000, "001.5": 1.5}
NUMBERS |= {"1e999": np.inf, "-1e999": -np.inf, "1e-999": 0, "9" * 400: np.inf, "3.5e38": np.inf}
NUMBERS |= {"inf": np.inf, "-Infinity": -np.inf, "nan": np.nan, "NaN": np.nan}
NOT_NUMBERS = [
    "",
    " ",
    ".",
    "e5",
    "1e",
    "1d5",
    "1.5f",
    "0x10",
    "1,5",
    "1 2",
    "x",
    "infinite",
    "１",
    "\x00",
]


def test_a_whole_number_as_text_becomes_an_integer():
    assert as_integers(tf.constant(list(WHOLE))).numpy().tolist() == list(WHOLE.values())
    assert is_whole(tf.constant([*WHOLE, *HUGE])).numpy().all()


@pytest.mark.parametrize("text", [*NOT_WHOLE, *HUGE])
def test_other_text_becomes_the_integer_zero(text):
    assert as_integers(tf.constant([text])).numpy() == [0]
    assert is_whole(tf.constant([text])).numpy() == [text in HUGE]


def test_text_that_is_not_utf8_becomes_zero_and_nan():
    raw = tf.constant([b"\xff\xfe7", b"7\x80"])
    assert as_integers(raw).numpy().tolist() == [0, 0]
    assert np.isnan(as_numbers(raw)).all()


def test_floats_are_cut_to_integers_and_nan_is_missing():
    floats = tf.constant([2.0, 2.9, -2.9, np.nan], tf.float64)
    assert as_integers(floats).numpy().tolist() == [2, 2, -2, -1]
    assert is_whole(floats).numpy().tolist() == [True, False, False, False]


def test_booleans_become_0_and_1():
    assert as_integers(tf.constant([True, False])).numpy().tolist() == [1, 0]
    assert as_numbers(tf.constant([True, False])).numpy().tolist() == [1.0, 0.0]


def test_a_number_as_text_becomes_a_float():
    expected = np.array(list(NUMBERS.values()), np.float32)
    np.testing.assert_array_equal(as_numbers(tf.constant(list(NUMBERS))), expected)
    assert is_number(tf.constant(list(NUMBERS))).numpy().all()


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_other_text_becomes_nan(text):
    assert np.isnan(as_numbers(tf.constant([text])))
    assert not is_number(tf.constant([text])).numpy()


def test_values_become_text():
    assert as_text(tf.constant([7, -1])).numpy().tolist() == [b"7", b"-1"]
    assert as_text(tf.constant([2**62], tf.int64)).numpy() == [b"4611686018427387904"]
    assert as_text(tf.constant([True, False])).numpy().tolist() == [b"true", b"false"]
    assert as_text(tf.constant([2.5, 0.125]), precision=2).numpy().tolist() == [b"2.50", b"0.12"]
    assert as_text(tf.constant([2.5], tf.float64), precision=0).numpy() == [b"2"]
