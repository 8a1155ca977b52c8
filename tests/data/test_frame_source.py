"""Rows of a DataFrame: any types of pandas in, the declared ones out."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfmtl.data import open_source, read_frame
from tfmtl.data.columns import declared_columns
from tfmtl.data.frame_cells import read_cells


def cells_of(config, values, kind, options=""):
    (column,) = declared_columns(config(options, x=kind))
    cells = read_cells(pd.Series(values) if isinstance(values, list) else values, column)
    assert cells.values.dtype == column.dtype.as_numpy_dtype
    return cells.values.tolist(), cells.bad.tolist()


@pytest.mark.parametrize(
    "values",
    [
        [7, -8],
        [7.0, -8.0],
        ["7", " -8"],
        [b"7", b"-8"],
        pd.Series([7, -8], dtype="Int64"),
        pd.Series([7, -8], dtype="int8"),
        pd.Series([7, -8], dtype="int64[pyarrow]"),
        pd.Series(["7", "-8"], dtype="category"),
        pd.Series([7, -8], dtype="category"),
        pd.Series(["7", -8], dtype=object),
    ],
)
@pytest.mark.parametrize("kind", ["INT32", "INT64", "FLOAT", "DOUBLE"])
def test_a_number_may_come_in_any_type_of_pandas(config, values, kind):
    assert cells_of(config, values, kind) == ([7, -8], [False, False])


@pytest.mark.parametrize(
    "values",
    [
        [7.0, None],
        ["7", None],
        ["7", ""],
        ["7", float("nan")],
        pd.Series([7, None], dtype="Int64"),
        pd.Series([7, None], dtype="float64[pyarrow]"),
        pd.Series([7, pd.NA], dtype=object),
    ],
)
@pytest.mark.parametrize("kind", ["INT32", "INT64", "FLOAT", "DOUBLE"])
def test_nulls_and_empty_texts_are_empty_cells(config, values, kind):
    assert cells_of(config, values, kind) == ([7, 0], [False, False])
    assert cells_of(config, values, f"{kind} 3") == ([7, 3], [False, False])
    label, _ = cells_of(config, values, kind, "label_fields: 'x'")
    np.testing.assert_array_equal(label, [7.0, np.nan])


def test_truth_values_are_bools_and_numbers(config):
    for values in [True, False], [1, 0], [1.0, 0.0], ["TRUE", "0"]:
        assert cells_of(config, values, "BOOL") == ([True, False], [False, False])
    assert cells_of(config, [True, False], "INT32") == ([1, 0], [False, False])
    assert cells_of(config, pd.Series([True, None], dtype="boolean"), "FLOAT 5")[0] == [1.0, 5.0]


def test_text_columns_hold_what_pandas_would_write(config):
    values = ["a", "é", None, b"\xff", 7, 7.5, 7.0, True]
    expected = [b"a", "é".encode(), b"", b"\xff", b"7", b"7.5", b"7.0", b"True"]
    assert cells_of(config, values, "STRING") == (expected, [False] * 8)
    for dtype in "category", "object", "string", "string[pyarrow]":
        texts = pd.Series(["a", None, "é", "a"], dtype=dtype)
        assert cells_of(config, texts, "STRING")[0] == [b"a", b"", "é".encode(), b"a"]
    stray = pd.Series(["\udcff"], dtype=object)
    assert cells_of(config, stray, "STRING")[0] == [b"\xff"]


@pytest.mark.parametrize(
    ("kind", "values", "bad"),
    [
        ("INT32", [1.0, 2.5, np.inf], [False, True, True]),
        ("INT32", [2**31 - 1, 2**31, -(2**31)], [False, True, False]),
        ("INT64", pd.Series([1, 2**63, 2**63 - 1], dtype="uint64"), [False, True, False]),
        ("INT64", [2.0**62, 2.0**63, -(2.0**63)], [False, True, False]),
        ("INT32", ["1", "1.0", "x"], [False, True, True]),
        ("FLOAT", ["1e3", "nan", "1,5"], [False, False, True]),
        ("FLOAT", [[1.0], pd.Timestamp("2020-01-01"), None], [True, True, False]),
        ("BOOL", [0, 1, 2], [False, False, True]),
        ("STRING", [["a"], {"b": 1}, ("c",)], [True, True, True]),
        ("STRING", pd.Series(["a", "\ud83d", None], dtype=object), [False, True, False]),
        ("STRING", pd.Series(["\ud83d", 7], dtype=object), [True, False]),
    ],
)
def test_cells_that_are_none_of_their_type_are_found(config, kind, values, bad):
    assert cells_of(config, values, kind)[1] == bad


def test_a_parsed_nan_is_an_empty_cell(config):
    assert cells_of(config, ["nan", "1"], "FLOAT 0.5")[0] == [0.5, 1.0]


@pytest.fixture(name="numbered")
def numbered_fixture(config):
    def read(batch_size=8, **options):
        source = open_source(config("", row="INT64"), pd.DataFrame({"row": range(20)}))
        return [batch["row"].numpy().tolist() for batch in source.dataset(batch_size, **options)]

    return read


def flat(batches):
    return [row for batch in batches for row in batch]


def test_rows_come_in_order_unless_they_are_shuffled(numbered):
    assert flat(numbered()) == list(range(20))
    read = flat(numbered(shuffle=True, epochs=2, seed=3))
    assert sorted(read[:20]) == sorted(read[20:]) == list(range(20))
    assert list(range(20)) != read[:20] != read[20:]
    assert read == flat(numbered(shuffle=True, epochs=2, seed=3))


def test_skipping_rows_leaves_the_later_batches_as_they_are(numbered):
    options = {"shuffle": True, "epochs": 3, "seed": 5}
    assert numbered(skip_rows=24, **options) == numbered(**options)[3:]


def test_bad_rows_may_be_left_out(config, rows):
    frame = pd.DataFrame({"age": ["1", "x", "3"], "city": ["a", "b", ["c"]]})
    source = open_source(config("bad_rows: SKIP", age="INT32", city="STRING"), frame)
    assert rows(source) == {"age": [1], "city": [b"a"]}
    assert source.skipped_rows == 2


def test_rows_to_predict_on_need_no_labels(config, rows):
    declared = config("label_fields: 'click'", click="INT32", city="STRING")
    frame = pd.DataFrame({"city": ["Rome"], "other": [1]}, index=["odd"])
    assert rows(open_source(declared, frame, labels_required=False)) == {"city": [b"Rome"]}


def test_a_frame_can_be_read_at_once(config):
    frame = pd.DataFrame({"city": ["Rome", None], "age": [1, None], "junk": [[], {}]})
    declared = config("", age="INT32 9", city="STRING", junk="INT32")
    tensors = read_frame(declared, frame, ["city", "age"])
    assert {name: values.dtype for name, values in tensors.items()} == {
        "age": tf.int32,
        "city": tf.string,
    }
    np.testing.assert_array_equal(tensors["age"], [1, 9])
    np.testing.assert_array_equal(tensors["city"], [b"Rome", b""])
