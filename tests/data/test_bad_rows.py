"""Bad rows: an error that names the first, or left out and counted."""

import random

import pytest
import tensorflow as tf

from tfmtl.data import complaints, open_source, translate_errors
from tfmtl.data.columns import declared_columns
from tfmtl.data.dialect import dialect_of
from tfmtl.data.layout import Layout
from tfmtl.errors import DataError

COLUMNS = {"click": "INT32", "age": "INT32", "stamp": "INT64", "price": "FLOAT", "city": "STRING"}
CELLS = [
    *[
        "",
        "7",
        "-7",
        " 7 ",
        "1.5",
        "nan",
        "inf",
        "3000000000",
        "99999999999999999999",
        "abc",
        "0x1",
    ],
    *[
        '"7"',
        '""',
        '"a,b"',
        '"a""b"',
        'a"b',
        '"a"b',
        '"',
        " ",
        "\0",
        b"\xff\xfe",
        "é",
        "true",
        "\t",
    ],
]


def random_lines(count, separator=","):
    generator = random.Random(11)
    cells = [cell if isinstance(cell, bytes) else cell.encode() for cell in CELLS]
    for _ in range(count):
        good = [b"1", b"2", b"3", b"4.5", b"Rome"]
        for _ in range(generator.choice([0, 0, 1, 2])):
            good[generator.randrange(5)] = generator.choice(cells)
        columns = generator.choice([5, 5, 5, 5, 5, 4, 6, 0])
        yield separator.encode().join((good + [b"x"])[:columns])


# TensorFlow's message about a cell that is no UTF-8 is none either.
RIDDLES = (tf.errors.InvalidArgumentError, UnicodeDecodeError)


def make_layout(config):
    columns = declared_columns(config)
    return Layout(dialect_of(config), tuple(column.name for column in columns), tuple(columns))


def is_read(layout, line):
    try:
        layout.decode(tf.constant([line]))
    except RIDDLES:
        return False
    return True


@pytest.mark.parametrize("options", ["", "input_type: CSVInputEx", "separator: '\\t'"])
def test_a_row_is_left_out_exactly_when_it_would_be_an_error(config, rows, write, options):
    strict = config(f"label_fields: 'click' {options}", **COLUMNS)
    lenient = config(f"label_fields: 'click' bad_rows: SKIP {options}", **COLUMNS)
    lines = sorted(set(random_lines(1500, "\t" if "\\t" in options else ",")))
    layout = make_layout(strict)
    good = [line for line in lines if is_read(layout, line)]
    assert 50 < len(good) < len(lines) - 50

    source = open_source(lenient, write({"a.csv": b"\n".join(lines) + b"\n"}))
    read = rows(source, batch_size=64)
    expected = rows(open_source(strict, write({"b.csv": b"\n".join(good) + b"\n"}) + "/b.csv"))
    assert repr(read) == repr(expected)  # NaN equals nothing, but its text does.
    assert source.skipped_rows == len(lines) - len(good)


def test_every_bad_row_can_be_told_of(config):
    layout = make_layout(config("label_fields: 'click'", **COLUMNS))
    bad = {line for line in random_lines(1500) if not is_read(layout, line)}
    assert len(bad) > 50
    for line in bad:
        complaint = complaints.about_line(layout, line.decode("utf-8", "backslashreplace"))
        assert "Received: " in complaint, line
        assert "\n" not in complaint, line


def test_batches_stay_full_when_rows_are_left_out(config, write):
    content = "".join(f"{row}\n" if row % 3 else "bad\n" for row in range(30))
    source = open_source(config("bad_rows: SKIP", row="INT32"), write({"a.csv": content}))
    sizes = [len(batch["row"]) for batch in source.dataset(8)]
    assert sizes == [8, 8, 4]
    assert source.skipped_rows == 10


def test_skipping_rows_to_go_on_counts_only_good_ones(config, rows, write):
    content = "".join(f"{row}\n" if row % 3 else "bad\n" for row in range(90))
    folder = write({"a.csv": content, "b.csv": content.replace("1", "x")})
    source = open_source(config("bad_rows: SKIP shuffle_buffer_size: 20", row="INT32"), folder)
    options = {"shuffle": True, "epochs": 2, "seed": 3, "batch_size": 8}
    whole = rows(source, **options)["row"]
    assert rows(source, skip_rows=24, **options)["row"] == whole[24:]


def test_rows_of_several_orders_are_left_out_as_well(config, rows, write):
    folder = write({"a.csv": "age,city\n1,a\nx,b\n", "b.csv": "city,age\nc,2\nd,y\ne\nf,3\n"})
    declared = config("with_header: true bad_rows: SKIP", age="INT32", city="STRING")
    source = open_source(declared, folder)
    assert rows(source) == {"age": [1, 2, 3], "city": [b"a", b"c", b"f"]}
    assert source.skipped_rows == 3


def test_rows_that_were_left_out_are_told_of(config, rows, write, caplog):
    source = open_source(config("bad_rows: SKIP", row="INT32"), write({"a.csv": "1\nx\n2\ny\n"}))
    source.tell_skipped()
    assert caplog.messages == []
    rows(source)
    source.tell_skipped()
    assert caplog.messages == ["2 bad rows were left out."]
    source.tell_skipped()
    assert len(caplog.messages) == 1  # They have been told.
    rows(source)
    source.tell_skipped()
    assert caplog.messages == ["2 bad rows were left out."] * 2


def test_data_of_bad_rows_only_ends_even_if_read_forever_and_says_why(config, write):
    source = open_source(config("bad_rows: SKIP", row="INT32"), write({"a.csv": "x\ny\n"}))
    assert list(source.dataset(2, epochs=None, shuffle=True)) == []
    message = '^Every row was left out as bad. The first: .*a.csv:1: column `row` .* Received: "x"'
    with pytest.raises(DataError, match=message):
        raise source.no_rows_error()


def test_the_first_bad_row_of_a_long_file_is_found(config, write):
    content = "".join(f"{row}\n" if row != 700 else "oops\n" for row in range(1000))
    source = open_source(config("", row="INT32"), write({"a.csv": "1\n", "b.csv": content}))
    with pytest.raises(DataError, match="b.csv:701: column `row` should be an INT32"):
        with translate_errors(source):
            list(source.dataset(100, shuffle=True))


def test_a_bad_cell_that_is_no_utf8_is_told_of(config, write):
    source = open_source(config("", row="INT32"), write({"a.csv": b"1\n\xff\xfe\x00\n"}))
    message = r'a.csv:2: column `row` should be an INT32. Received: "\\xff\\xfe\\x00".'
    with pytest.raises(DataError, match=message):
        with translate_errors(source):
            list(source.dataset(2))


@pytest.mark.parametrize(("options", "content"), [("", "1\n"), ("bad_rows: SKIP", "1\nx\n")])
def test_an_error_that_is_no_bad_row_stays_what_it_is(config, write, options, content):
    source = open_source(config(options, row="INT32"), write({"a.csv": content}))
    with pytest.raises(tf.errors.InvalidArgumentError, match="elsewhere"):
        with translate_errors(source):
            raise tf.errors.InvalidArgumentError(None, None, "It is elsewhere.")
