"""The same rows are the same tensors, whatever they are read from."""

import pandas as pd
import pytest
import tensorflow as tf

from tfmtl.data import open_source

COLUMNS = {
    "click": "INT32",
    "dwell": "STRING",
    "age": "INT32 18",
    "stamp": "INT64",
    "price": "FLOAT",
    "score": "DOUBLE 0.25",
    "member": "BOOL true",
    "city": "STRING",
}
FRAME = pd.DataFrame(
    {
        "click": pd.array([1, None, 0], dtype="Int64"),
        "dwell": ["2.5", None, ""],
        "age": [33, 34, 35],
        "stamp": [2**40, -1, 0],
        "price": [9.5, None, float("inf")],
        "score": [1e-300, 2.0, None],
        "member": pd.array([True, False, None], dtype="boolean"),
        "city": ['Rome, "IT"', None, "Kyïv"],
    }
)
LABELS = "label_fields: ['click', 'dwell']"
PARQUET = "input_type: ParquetInputV2"
TFRECORD = "input_type: TFRecordInput"


SOURCES = {
    "with header": ("with_header: true", "a.csv", {}),
    "without header": ("", "a.csv", {"header": False}),
    "gzipped": ("with_header: true", "a.csv.gz", {}),
    "all quoted": ("with_header: true", "a.csv", {"quoting": 1}),
    "in another order": ("with_header: true", "a.csv", {"columns": list(COLUMNS)[::-1]}),
    "separated by tabs": ("separator: '\\t'", "a.csv", {"header": False, "sep": "\t"}),
    "with bad rows left out": ("bad_rows: SKIP", "a.csv", {"header": False}),
    "with Windows line ends": ("", "a.csv", {"header": False, "lineterminator": "\r\n"}),
}
PARQUETS = {
    "one row group": {},
    "row groups of two": {"row_group_size": 2},
    "not compressed": {"compression": "none"},
}


@pytest.fixture(name="expected", scope="module")
def expected_fixture(config, rows):
    read = rows(open_source(config(LABELS, **COLUMNS), FRAME))
    assert repr(read) == repr(
        {
            "click": [1.0, float("nan"), 0.0],
            "dwell": [2.5, float("nan"), float("nan")],
            "age": [33, 34, 35],
            "stamp": [2**40, -1, 0],
            "price": [9.5, 0.0, float("inf")],
            "score": [1e-300, 2.0, 0.25],
            "member": [True, False, True],
            "city": [b'Rome, "IT"', b"", "Kyïv".encode()],
        }
    )
    return read


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_reads_as_the_dataframe_it_was_written_from(config, rows, tmp_path, expected, name):
    options, file, writing = SOURCES[name]
    FRAME.to_csv(tmp_path / file, index=False, **writing)
    source = open_source(config(f"{LABELS} {options}", **COLUMNS), tmp_path / file)
    assert repr(rows(source)) == repr(expected)


def test_a_dataframe_of_texts_reads_as_the_typed_one(config, rows, tmp_path, expected):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    texts = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    assert repr(rows(open_source(config(LABELS, **COLUMNS), texts))) == repr(expected)


@pytest.mark.parametrize("name", PARQUETS)
def test_a_parquet_file_reads_as_the_dataframe_it_was_written_from(
    config, rows, tmp_path, expected, name
):
    FRAME.to_parquet(tmp_path / "a.parquet", **PARQUETS[name])
    source = open_source(config(f"{LABELS} {PARQUET}", **COLUMNS), tmp_path / "a.parquet")
    assert repr(rows(source)) == repr(expected)


def test_a_parquet_file_of_texts_reads_as_the_typed_one(config, rows, tmp_path, expected):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    texts = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    texts.to_parquet(tmp_path / "a.parquet")
    source = open_source(config(f"{LABELS} {PARQUET}", **COLUMNS), tmp_path / "a.parquet")
    assert repr(rows(source)) == repr(expected)


def write_records(path, frame, packing=""):
    """A `tf.train.Example` for each row; empty cells have no value."""
    with tf.io.TFRecordWriter(str(path), packing) as file:
        for row in frame.to_dict("records"):
            file.write(example(row).SerializeToString())


def example(row):
    record = tf.train.Example()
    for name, cell in row.items():
        feature = record.features.feature[name]
        if pd.isna(cell):
            continue
        if isinstance(cell, str):
            feature.bytes_list.value.append(cell.encode())
        elif isinstance(cell, float):
            feature.float_list.value.append(cell)
        else:
            feature.int64_list.value.append(int(cell))
    return record


@pytest.mark.parametrize("packing", ["", "GZIP", "ZLIB"])
def test_records_read_as_the_dataframe_they_were_written_from(
    config, rows, tmp_path, expected, packing
):
    write_records(tmp_path / "a", FRAME, packing)
    settings = config(f"{LABELS} {TFRECORD} data_compression_type: '{packing}'", **COLUMNS)
    read = rows(open_source(settings, tmp_path / "a"))
    # A float of a record has 32 bits, for which this one is too small.
    assert read.pop("score") == [0.0, *expected["score"][1:]]
    assert repr(read) == repr({k: v for k, v in expected.items() if k != "score"})


def test_records_of_texts_read_as_the_typed_ones(config, rows, tmp_path, expected):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    texts = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    write_records(tmp_path / "a", texts)
    settings = config(f"{LABELS} {TFRECORD}", **COLUMNS)
    assert repr(rows(open_source(settings, tmp_path / "a"))) == repr(expected)
