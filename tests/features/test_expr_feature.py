"""An expression feature is a number computed from columns."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import ConfigError

COLUMNS = {"price": "FLOAT", "age": ("INT32", "18"), "member": "BOOL"}


@pytest.fixture
def expression(columns):
    """Makes an encoder of one expression feature."""

    def make(text, fields=COLUMNS, more=""):
        inputs = ", ".join(f"'{name}'" for name in fields)
        feature = f"feature_name: 'e' input_names: [{inputs}] feature_type: ExprFeature"
        return columns(fields, f"features {{ {feature} expression: '{text}' {more} }}")

    return make


PRICES, AGES = np.array([2.5, 0.0, -1.0], np.float32), np.array([20, 30, 40], np.int32)
MEMBERS = np.array([True, False, True])


def encode(encoder, **raw):
    given = {"price": PRICES, "age": AGES, "member": MEMBERS, **raw}
    return encoder.encode({name: tf.constant(values) for name, values in given.items()})["e"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("price + 2 * age", PRICES + 2 * AGES),
        ("price > 1", PRICES > 1),
        ("price >= 0 & age < 30", (PRICES >= 0) & (AGES < 30)),
        ("price < 0 | age == 30", (PRICES < 0) | (AGES == 30)),
        ("where(member, age, -price)", np.where(MEMBERS, AGES, -PRICES)),
        ("log1p(max(price, 0)) ^ 2", np.log1p(np.maximum(PRICES, 0)) ** 2),
        ("age / price", [8.0, 0.0, -40.0]),
        ("3", [3.0, 3.0, 3.0]),
    ],
)
def test_it_is_what_the_formula_says(expression, text, expected):
    value = encode(expression(text))
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, np.array(expected, float)[:, None], rtol=1e-6)


def test_missing_numbers_are_their_columns_default(expression):
    fields = {"price": ("FLOAT", "7"), "age": "INT32"}
    value = encode(expression("price + age", fields), price=np.array([np.nan, np.inf, 1.0]))
    np.testing.assert_allclose(value[:, 0], [27.0, 37.0, 41.0])


def test_text_is_read_as_numbers(expression):
    fields = {"price": ("STRING", "4")}
    encoder = expression("price * 2", fields)
    cells = ["1.5", "", "no"]
    np.testing.assert_allclose(encode(encoder, price=cells)[:, 0], [3.0, 8.0, 8.0])
    found = encoder.malformed({"price": tf.constant(cells)})["e"]
    assert found.numpy().tolist() == [False, False, True]


def test_numbers_are_as_exact_as_doubles(expression):
    fields = {"price": "DOUBLE", "age": "INT64"}
    prices, ages = np.array([1e60, 0.1, -1e60]), np.array([2**53 + 2, -(2**62), 2**63 - 1])
    encoder = expression("age - 9007199254740992 + 0 * price", fields)
    value = encode(encoder, price=prices, age=ages)
    expected = (ages.astype("float64") - 2.0**53).astype("float32")
    np.testing.assert_allclose(value[:, 0], expected, rtol=1e-6)
    ratio = encode(expression("price / 1e30", fields), price=prices, age=ages)
    np.testing.assert_allclose(ratio[:, 0], prices / 1e30, rtol=1e-6)


def test_infinities_and_nan_as_text_are_missing(expression):
    encoder = expression("price + 1", {"price": ("STRING", "4")})
    cells = ["inf", "-Infinity", "nan", "1e999", "１", " 2 "]
    assert encode(encoder, price=cells)[:, 0].numpy().tolist() == [5, 5, 5, 5, 5, 3]


def test_what_float32_cannot_hold_is_its_largest(expression):
    value = encode(expression("exp(age * 10) - 2 * exp(age * 10)"))
    np.testing.assert_array_equal(value[:, 0], [-tf.float32.max] * 3)


def test_a_default_that_is_no_number_is_told(expression):
    encoder = expression("x", {"x": ("STRING", "none")})
    with pytest.raises(ConfigError) as error:
        encoder.encode({"x": tf.constant(["1"])})
    rule = "`default_val` of its column should be a number. Received: `none`."
    assert error.value.problems == [rule]


def test_no_rows_have_no_numbers(expression):
    nothing = encode(
        expression("price + 1"),
        price=np.zeros(0, np.float32),
        age=np.zeros(0, np.int32),
        member=np.zeros(0, bool),
    )
    assert nothing.shape == (0, 1)


def test_it_is_a_plain_number_or_projected(expression):
    assert expression("price").features["e"].width == 1
    assert expression("price", more="embedding_dim: 4").features["e"].width == 4


def test_a_wrong_one_is_told_with_a_caret(expression):
    with pytest.raises(ConfigError) as error:
        expression("price + np.log(age)")
    lines = str(error.value).splitlines()
    assert lines[0] == (
        "Feature `e`: `expression` should be a number or a truth value made of `input_names`. "
        "Received:"
    )
    assert lines[1] == "  price + np.log(age)"
    assert lines[2].startswith("            ^ should")
