"""The grammar of lines, against `tf.io.decode_csv`."""

import random

import pytest
import tensorflow as tf

from tfmtl.data.dialect import BadLine, Dialect, dialect_of
from tfmtl.errors import ConfigError

LINES = [
    *["", ",", "a", "a,", ",a", "a,b", '""', '"",', ',""', '"a,b",c', '"a""b",c', '""""', '"""'],
    *['a"b,c', '"a"b,c', '"a', '"a,b', 'a,"', '"a"","b"', '"a"",b"', '"a","b"', ' "a",b', "a b, c"],
    *["a\0,b", "é,ß", '"é",b', "a\tb", "|,^", '"x""""y",z', '"a,b","c"'],
]


def random_lines(count=2000):
    generator = random.Random(5)
    for _ in range(count):
        yield "".join(generator.choices('",,"a é', k=generator.randint(0, 8)))


def split_with_tensorflow(line, dialect):
    """The cells of a line as TensorFlow sees them, or None."""
    for count in range(1, len(line) + 2):
        try:
            cells = dialect.decode(tf.constant([line]), [[""]] * count)
        except tf.errors.InvalidArgumentError:
            continue
        return [cell.numpy()[0].decode() for cell in cells]
    return None


def split(line, dialect):
    try:
        return dialect.split(line) or None
    except BadLine:
        return None


@pytest.mark.parametrize("has_quotes", [True, False])
@pytest.mark.parametrize("separator", [",", "|"])
def test_lines_split_as_tensorflow_splits_them(separator, has_quotes):
    dialect = Dialect(separator, has_quotes)
    for line in {line.replace(",", separator) for line in [*LINES, *random_lines(600)]}:
        assert split(line, dialect) == split_with_tensorflow(line, dialect), line


@pytest.mark.parametrize("separator", ["||", "§", "::,"])
def test_a_separator_of_several_bytes_separates_and_leaves_quotes_alone(config, separator):
    dialect = dialect_of(config(f"separator: '{separator}'"))
    cells = ['a|b"', "", 'ü,"x', "7"]
    line = separator.join(cells)
    assert split(line, dialect) == split_with_tensorflow(line, dialect) == cells
    assert dialect.has_cells(tf.constant([line, "a"]), 4).numpy().tolist() == [True, False]


@pytest.mark.parametrize("has_quotes", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_line_has_so_many_cells_exactly_when_it_splits_into_them(count, has_quotes):
    dialect = Dialect(",", has_quotes)
    lines = sorted({*LINES, *random_lines()})
    expected = [len(split(line, dialect) or ()) == count for line in lines]
    assert dialect.has_cells(tf.constant(lines), count).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('x,a"b', "cell 2 has a double quote inside, but is not in double quotes"),
        ('"a"b,c', "cell 1 goes on after its closing double quote"),
        ('x,y,"a', "cell 3 has an opening double quote and no closing one"),
    ],
)
def test_a_line_that_does_not_split_says_why(line, problem):
    with pytest.raises(BadLine, match=f"^{problem}$"):
        Dialect(",", has_quotes=True).split(line)


@pytest.mark.parametrize(
    ("text", "separator"),
    [("','", ","), ("'\\t'", "\t"), ("'\\001'", "\x01"), ("'\\\\001'", "\x01"), ("'\\\\t'", "\t")],
)
def test_a_separator_may_be_an_escape(config, text, separator):
    assert dialect_of(config(f"separator: {text}")).separator == separator


@pytest.mark.parametrize("text", ["''", "'\"'", "'\\n'", "'||\\n'"])
def test_a_separator_that_cannot_stand_between_cells_is_refused(config, text):
    rule = "^`data_config.separator` should be a text such as ',' or .* Received: '.*'.$"
    with pytest.raises(ConfigError, match=rule):
        dialect_of(config(f"separator: {text}"))


def test_double_quotes_are_text_in_csv_input_ex(config):
    assert not dialect_of(config("input_type: CSVInputEx")).has_quotes
    assert dialect_of(config("input_type: CSVInputV2")).has_quotes
