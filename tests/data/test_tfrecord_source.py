"""TFRecord files: how columns may be stored, mixing, and what is told of bad records."""

import pytest
import tensorflow as tf

from tfmtl.data import build_sampler, open_source, translate_errors
from tfmtl.errors import DataError

TFRECORD = "input_type: TFRecordInput"


def write(path, *rows, packing=""):
    """Records of `{column: list of values}`; bytes are written as they are."""
    with tf.io.TFRecordWriter(str(path), packing) as file:
        for row in rows:
            file.write(row if isinstance(row, bytes) else example(row).SerializeToString())
    return path


def example(row):
    lists = {int: "int64_list", float: "float_list", bytes: "bytes_list"}
    record = tf.train.Example()
    for name, values in row.items():
        feature = record.features.feature[name]
        for value in values:
            getattr(feature, lists[type(value)]).value.append(value)
    return record


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("INT64", [2**40], 2**40),
        ("INT32", [3.0], 3),
        ("INT32", [b" 7 "], 7),
        ("FLOAT", [2], 2.0),
        ("FLOAT", [b"1e-3"], pytest.approx(1e-3)),
        ("DOUBLE", [0.5], 0.5),
        ("BOOL", [1], True),
        ("BOOL", [0.0], False),
        ("BOOL", [b"True"], True),
        ("STRING", [17], b"17"),
        ("STRING", [17.0], b"17"),
        ("STRING", [0.25], b"0.25"),
        ("STRING", [b"x"], b"x"),
    ],
)
def test_a_column_may_be_stored_in_any_way_that_makes_its_type(
    config, rows, tmp_path, kind, cell, expected
):
    path = write(tmp_path / "a", {"a": cell}, {"a": []})
    first, second = rows(open_source(config(TFRECORD, a=kind), path))["a"]
    assert first == expected
    assert second == {"STRING": b"", "BOOL": False}.get(kind, 0)


@pytest.mark.parametrize("packing", ["", "GZIP", "ZLIB"])
def test_a_buffer_may_be_larger_than_any_memory(config, rows, tmp_path, packing):
    path = write(tmp_path / "a", *({"n": [n]} for n in range(5)), packing=packing)
    text = f"{TFRECORD} data_compression_type: '{packing}' shuffle_buffer_size: 2147483647"
    source = open_source(config(text, n="INT64"), path)
    assert sorted(rows(source, shuffle=True)["n"]) == [0, 1, 2, 3, 4]


def test_an_empty_cell_is_the_default_and_an_empty_label_is_missing(config, rows, tmp_path):
    path = write(tmp_path / "a", {"age": [4], "click": [1.0]}, {"age": []}, {"click": []})
    settings = config(f"{TFRECORD} label_fields: 'click'", age="INT32 18", click="FLOAT")
    assert repr(rows(open_source(settings, path))) == repr(
        {"age": [4, 18, 18], "click": [1.0, float("nan"), float("nan")]}
    )


@pytest.fixture(name="numbered")
def numbered_fixture(config, tmp_path):
    for part in range(3):
        write(tmp_path / f"{part}", *({"n": [10 * part + row]} for row in range(10)))
    return open_source(config(f"{TFRECORD} shuffle_buffer_size: 8", n="INT64"), str(tmp_path))


def numbers(source, batch_size=7, **options):
    tf.random.set_seed(1)
    return [batch["n"].numpy().tolist() for batch in source.dataset(batch_size, **options)]


def flat(batches):
    return [number for batch in batches for number in batch]


def test_rows_come_in_order_unless_they_are_shuffled(numbered):
    assert flat(numbers(numbered)) == list(range(30))
    mixed = flat(numbers(numbered, shuffle=True, epochs=2))
    assert sorted(mixed[:30]) == sorted(mixed[30:]) == list(range(30))
    assert mixed[:30] != mixed[30:]
    assert {n // 10 for n in mixed[:10]} == {0, 1, 2}


@pytest.mark.parametrize("shuffle", [False, True])
def test_skipping_rows_leaves_the_later_batches_as_they_are(numbered, shuffle):
    whole = numbers(numbered, shuffle=shuffle, epochs=2)
    assert numbers(numbered, shuffle=shuffle, epochs=2, skip_rows=14) == whole[2:]


def test_a_sampler_works_on_records_too(config, rows, tmp_path):
    path = write(tmp_path / "a", {"click": [1.0], "n": [7]}, {"click": [0.0], "n": [8]})
    text = f"{TFRECORD} label_fields: 'click' oversampling {{ label_name: 'click' factor: 3 }}"
    settings = config(text, click="FLOAT", n="INT32")
    source = open_source(settings, path, sampler=build_sampler(settings))
    assert rows(source)["n"] == [7, 7, 7, 8]


def test_rows_to_predict_on_need_no_labels(config, rows, tmp_path):
    path = write(tmp_path / "a", {"n": [1]})
    settings = config(f"{TFRECORD} label_fields: 'click'", n="INT32", click="FLOAT")
    assert rows(open_source(settings, path, labels_required=False)) == {"n": [1]}


BAD = {
    "a text that is no number": (
        {"n": [b"old"]},
        {"n": [b"1"]},
        'column `n` should be an INT32. Received: "old".',
    ),
    "a number out of range": (
        {"n": [2**40]},
        {"n": [1]},
        'column `n` should be an INT32. Received: "1099511627776". Declare the column '
        "`input_type: INT64`, or fix the cell.",
    ),
    "a fraction": ({"n": [1.5]}, {"n": [1.0]}, 'column `n` should be an INT32. Received: "1.5".'),
    "several values": (
        {"n": [1, 2]},
        {"n": [1]},
        "column `n` should have one value. Received: 2. Join the values of a list with their "
        "feature's `separator`.",
    ),
    "another storage": (
        {"n": [1.0]},
        {"n": [1]},
        "column `n` should be stored as whole numbers, as it was before. Received: floats.",
    ),
    "no example": (
        b"\xff\xff",
        {"n": [1]},
        "should be a tf.train.Example. Received: other bytes.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_told_by_file_and_number_or_left_out(config, rows, tmp_path, name):
    bad, good, message = BAD[name]
    path = write(tmp_path / "a", good, good, bad, good)
    source = open_source(config(TFRECORD, n="INT32"), path)
    with pytest.raises(DataError) as error, translate_errors(source):
        rows(source)
    assert str(error.value).startswith(f"{path}: record 3: {message}")
    patient = open_source(config(f"{TFRECORD} bad_rows: SKIP", n="INT32"), path)
    assert rows(patient) == {"n": [1, 1, 1]}
    assert patient.skipped_rows == 1


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "should have a record at least. Received: none."),
        (b"no record at all", "should be a whole TFRecord file. Received: damaged data"),
    ],
)
def test_files_that_will_not_do_are_told_in_words(config, tmp_path, contents, message):
    path = tmp_path / "a"
    path.write_bytes(contents)
    with pytest.raises(DataError) as error:
        open_source(config(TFRECORD, n="INT32"), path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_file_that_is_cut_short_is_told(config, rows, tmp_path):
    path = write(tmp_path / "a", *({"n": [row]} for row in range(2000)))
    path.write_bytes(path.read_bytes()[:-5])
    source = open_source(config(TFRECORD, n="INT32"), path)
    with (
        pytest.raises(DataError, match="Received: damaged data after record 1999"),
        translate_errors(source),
    ):
        rows(source)


def test_a_missing_column_is_told_with_the_nearest(config, tmp_path):
    path = write(tmp_path / "a", {"clicks": [1]})
    with pytest.raises(DataError, match="should have column `click` .nearest: `clicks`."):
        open_source(config(TFRECORD, click="INT32"), path)
