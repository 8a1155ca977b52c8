"""Which texts are values of a type, and which: TensorFlow's CSV parser is the reference."""

import random

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.data.kinds import kind_of, name_wider
from tfmtl.protos import dataset_pb2

FieldType = dataset_pb2.DatasetConfig.FieldType
TEXTS = [
    *["7", "007", "+7", "-7", " 7 ", "\t7\v\f", "--7", "+-7", "- 7", "7_0", "1 2", "7\0", "\xa07"],
    *["1.0", "1.", ".5", ".", "1e3", "1E-3", "1e", "1e+", "1e5.5", "1..2", "1f", " ", "-"],
    *["2147483647", "2147483648", "-2147483648", "-2147483649", "+02147483647", "21474836470"],
    *["9223372036854775807", "9223372036854775808", "-9223372036854775808", "9" * 30],
    *["1e39", "-1e39", "1e400", "1e-400", "0." + "0" * 400 + "1", "9" * 400, "1e99999999999999"],
    *["nan", "NaN", "-nan", "nan()", "nan(a_1)", "nan(a b)", "nanx", "inf", "-INF", "infinity"],
    *["infinit", "0x10", "-0X1P3", "0x.8", "0x1.8p-2", "0x", "0xg", "0x1p", "0x.", "true", "TRUE"],
    *["True", "false", " 1 ", "0", "yes", "t", "abc", "９"],
]


def random_texts(count=3000):
    generator = random.Random(3)
    alphabet = "0123456789" * 2 + "+-..eE xXpPaAfFnNiI()_\t"
    for _ in range(count):
        yield "".join(generator.choices(alphabet, k=generator.randint(1, 6)))


def parse_with_tensorflow(text, dtype):
    try:
        cells = tf.io.decode_csv([text], [tf.constant(0, dtype)], use_quote_delim=False)
    except tf.errors.InvalidArgumentError:
        return None
    return cells[0].numpy()[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["INT32", "INT64", "FLOAT", "DOUBLE"])
def test_a_text_is_a_number_exactly_when_tensorflow_parses_it(name):
    kind = kind_of(FieldType.Value(name))
    for text in [*TEXTS, *random_texts()]:
        expected = parse_with_tensorflow(text, kind.dtype)
        assert kind.takes(text) == (expected is not None), text
        assert tf.strings.regex_full_match(text, kind.pattern).numpy() == kind.takes(text), text
        if expected is not None:
            with np.errstate(over="ignore"):
                value = np.array(kind.parse(text)).astype(expected.dtype)
            np.testing.assert_array_equal(value, expected, err_msg=text)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("TRUE", True), (" 1 ", True), ("0", False)]
)
def test_a_bool_is_true_false_1_or_0_in_any_case(text, expected):
    kind = kind_of(FieldType.BOOL)
    assert kind.takes(text)
    assert kind.parse(text) is expected
    assert kind.fill(tf.constant([text]), False).numpy().tolist() == [expected]


@pytest.mark.parametrize("text", ["yes", "t", "2", "1.0", "truefalse", " "])
def test_nothing_else_is_a_bool(text):
    kind = kind_of(FieldType.BOOL)
    assert not kind.takes(text)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a BOOL"):
        kind.fill(tf.constant(["true", text]), False)


@pytest.mark.parametrize(
    ("name", "text", "wider"),
    [("INT32", "3000000000", "INT64"), ("INT32", "1.5", "DOUBLE"), ("INT64", "1e3", "DOUBLE")],
)
def test_the_type_that_would_do_is_named(name, text, wider):
    assert name_wider(kind_of(FieldType.Value(name)), text) == wider


def test_no_type_is_named_for_a_text_that_is_no_number():
    assert name_wider(kind_of(FieldType.INT32), "abc") is None
