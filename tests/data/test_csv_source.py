"""Rows of CSV files: what they become, and in which order they come."""

import collections
import math

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.data import open_source

ALL_TYPES = {
    "clicks": "INT32 3",
    "stamp": "INT64",
    "city": "STRING",
    "price": "FLOAT 0.5",
    "score": "DOUBLE",
    "member": "BOOL",
}


def test_columns_have_their_declared_types_and_empty_cells_their_defaults(config, rows, write):
    folder = write({"a.csv": "7,-8,Rome,1.5,2e3,TRUE\n,,,,,\n"})
    source = open_source(config("", **ALL_TYPES), folder)
    assert rows(source) == {
        "clicks": [7, 3],
        "stamp": [-8, 0],
        "city": [b"Rome", b""],
        "price": [1.5, 0.5],
        "score": [2000.0, 0.0],
        "member": [True, False],
    }
    (batch,) = source.dataset(2)
    dtypes = [batch[name].dtype for name in ALL_TYPES]
    assert dtypes == [tf.int32, tf.int64, tf.string, tf.float32, tf.float64, tf.bool]


def test_a_float_that_is_nan_is_an_empty_cell(config, rows, write):
    folder = write({"a.csv": "nan,NaN\n1,inf\n"})
    source = open_source(config("", price="FLOAT 0.5", score="DOUBLE"), folder)
    assert rows(source) == {"price": [0.5, 1.0], "score": [0.0, math.inf]}


@pytest.mark.parametrize("kind", ["INT32", "INT64", "FLOAT", "DOUBLE", "STRING"])
def test_labels_are_float32_and_nan_where_they_are_empty(config, write, kind):
    folder = write({"a.csv": "1,\n,x\n0,\n"})
    source = open_source(config("label_fields: 'click'", click=kind, city="STRING"), folder)
    (batch,) = source.dataset(3)
    assert batch["click"].dtype == tf.float32
    np.testing.assert_array_equal(batch["click"], [1.0, np.nan, 0.0])


def test_bool_labels_are_numbers_too(config, write):
    folder = write({"a.csv": "true,\n,x\n0,\n"})
    source = open_source(config("label_fields: 'click'", click="BOOL", city="STRING"), folder)
    (batch,) = source.dataset(3)
    np.testing.assert_array_equal(batch["click"], [1.0, np.nan, 0.0])


def test_an_empty_label_with_a_default_has_its_value(config, rows, write):
    folder = write({"a.csv": "1,2\n,\n"})
    declared = config("label_fields: ['click', 'dwell']", click="INT32 0", dwell="STRING 0.5")
    assert rows(open_source(declared, folder)) == {"click": [1.0, 0.0], "dwell": [2.0, 0.5]}


def test_an_empty_sample_weight_is_zero(config, rows, write):
    folder = write({"a.csv": "1.5,a\n,b\n"})
    source = open_source(config("sample_weight: 'w'", w="FLOAT", x="STRING"), folder)
    assert rows(source)["w"] == [1.5, 0.0]


def test_files_may_order_their_columns_differently_and_have_more_of_them(config, rows, write):
    folder = write(
        {
            "a.csv": "age,city\n1,Rome\n2,Bonn\n",
            "b.csv": "city,extra,age\nOslo,?,3\n",
            "c.csv.gz": '"age", city \n4,Kyiv\n',
        }
    )
    source = open_source(config("with_header: true", city="STRING", age="INT32"), folder)
    assert rows(source, batch_size=3) == {
        "city": [b"Rome", b"Bonn", b"Oslo", b"Kyiv"],
        "age": [1, 2, 3, 4],
    }


def test_rows_of_other_orders_still_mix(config, rows, write):
    header = {"a.csv": "age,city\n", "b.csv": "city,age\n"}
    contents = {
        "a.csv": header["a.csv"] + "".join(f"{age},c{age}\n" for age in range(20)),
        "b.csv": header["b.csv"] + "".join(f"c{age},{age}\n" for age in range(20, 40)),
    }
    declared = config("with_header: true shuffle_buffer_size: 30", city="STRING", age="INT32")
    read = rows(open_source(declared, write(contents)), batch_size=7, shuffle=True)
    assert sorted(read["age"]) == list(range(40))
    assert read["city"] == [f"c{age}".encode() for age in read["age"]]


def test_columns_that_are_not_read_may_be_named_twice(config, rows, write):
    folder = write({"a.csv": "x,,age,x,\n1,2,7,3,4\n"})
    assert rows(open_source(config("with_header: true", age="INT32"), folder)) == {"age": [7]}


def test_a_header_may_start_with_a_byte_order_mark(config, rows, write):
    folder = write({"a.csv": "\ufeffage,city\r\n1,Rome\r\n"})
    source = open_source(config("with_header: true", age="INT32", city="STRING"), folder)
    assert rows(source) == {"age": [1], "city": [b"Rome"]}


def test_quoted_cells_may_hold_separators_and_doubled_quotes(config, rows, write):
    folder = write({"a.csv": '"a,b",1\n"say ""hi""","2"\n'})
    source = open_source(config("", text="STRING", number="INT32"), folder)
    assert rows(source) == {"text": [b"a,b", b'say "hi"'], "number": [1, 2]}


def test_quotes_are_text_in_csv_input_ex(config, rows, write):
    folder = write({"a.csv": 'say "hi",1\n'})
    declared = config("input_type: CSVInputEx", text="STRING", number="INT32")
    assert rows(open_source(declared, folder)) == {"text": [b'say "hi"'], "number": [1]}


@pytest.mark.parametrize(("text", "mark"), [("'\\t'", "\t"), ("'\\001'", "\x01"), ("'|'", "|")])
def test_columns_may_be_separated_by_any_byte(config, rows, write, text, mark):
    source = open_source(
        config(f"separator: {text}", a="INT32", b="STRING"), write({"a.csv": f"1{mark}x,y\n"})
    )
    assert rows(source) == {"a": [1], "b": [b"x,y"]}


def test_columns_that_are_not_read_may_hold_anything(config, rows, write):
    declared = config("", age="INT32", city="STRING", junk="FLOAT")
    source = open_source(declared, write({"a.csv": "1,Rome,abc\n"}), columns=["city", "age"])
    assert rows(source) == {"age": [1], "city": [b"Rome"]}


def test_rows_to_predict_on_need_no_labels(config, rows, write):
    declared = config(
        "label_fields: 'click' sample_weight: 'w'", click="INT32", city="STRING", w="FLOAT"
    )
    source = open_source(declared, write({"a.csv": "Rome\n"}), labels_required=False)
    assert rows(source) == {"city": [b"Rome"]}
    source = open_source(declared, write({"a.csv": "1,Rome,2\n"}), labels_required=False)
    assert rows(source) == {"click": [1.0], "city": [b"Rome"], "w": [2.0]}
    declared.with_header = True
    source = open_source(declared, write({"a.csv": "w,city\n2,Rome\n"}), labels_required=False)
    assert rows(source) == {"city": [b"Rome"], "w": [2.0]}


def test_files_without_rows_are_passed_over_in_a_directory(config, rows, write):
    folder = write({"a.csv": "age\n", "b.csv": "age\n7\n", "c.csv": "", "d.csv.gz": ""})
    assert rows(open_source(config("with_header: true", age="INT32"), folder)) == {"age": [7]}


def test_a_file_that_is_found_twice_is_read_once(config, rows, write):
    path = write({"a.csv": "7\n"}) + "/a.csv"
    assert rows(open_source(config("", age="INT32"), f"{path},{path}")) == {"age": [7]}


# Orders.


@pytest.fixture(name="numbered")
def numbered_fixture(config, write):
    """Opens rows 0 to 59 in four files, a gzipped one among them; `read(...)` gives batches."""
    files = {f"{name}.csv": range(15 * part, 15 * part + 15) for part, name in enumerate("abc")}
    files["d.csv.gz"] = range(45, 60)
    folder = write({name: "".join(f"{row}\n" for row in rows) for name, rows in files.items()})

    def read(batch_size=8, **options):
        declared = config("shuffle_buffer_size: 16 num_parallel_calls: 3", row="INT32")
        source = open_source(declared, folder)
        return [batch["row"].numpy().tolist() for batch in source.dataset(batch_size, **options)]

    return read


def flat(batches):
    return [row for batch in batches for row in batch]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_buffer_may_be_larger_than_any_memory(config, rows, write, name):
    folder = write({name: "".join(f"{row}\n" for row in range(50))})
    source = open_source(config("shuffle_buffer_size: 2147483647", row="INT32"), folder)
    read = rows(source, shuffle=True)["row"]
    assert sorted(read) == list(range(50))
    assert read != list(range(50))


def test_rows_come_in_the_order_of_the_data_unless_they_are_shuffled(numbered):
    assert flat(numbered()) == list(range(60))
    assert [len(batch) for batch in numbered()] == [8] * 7 + [4]


def test_an_epoch_reads_every_row_once_and_the_next_in_another_order(numbered):
    read = flat(numbered(shuffle=True, epochs=2, seed=5))
    assert sorted(read[:60]) == sorted(read[60:]) == list(range(60))
    assert read[:60] != read[60:]


def test_shuffling_mixes_files_and_rows(numbered):
    first = numbered(shuffle=True, seed=5)[0]
    assert len({row // 15 for row in first}) > 1
    firsts = {numbered(shuffle=True, seed=seed)[0][0] // 15 for seed in range(20)}
    assert len(firsts) > 2  # The first file differs too.


def test_the_same_seed_gives_the_same_batches(numbered):
    options = {"shuffle": True, "epochs": 3}
    assert numbered(seed=5, **options) == numbered(seed=5, **options)
    assert numbered(seed=5, **options) != numbered(seed=6, **options)


def test_batches_run_across_the_ends_of_epochs(numbered):
    assert [len(batch) for batch in numbered(epochs=2)] == [8] * 15


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("skipped_batches", [1, 7, 8, 17])
def test_skipping_rows_leaves_the_later_batches_as_they_are(numbered, shuffle, skipped_batches):
    options = {"shuffle": shuffle, "epochs": 3, "seed": 5}
    later = numbered(**options)[skipped_batches:]
    assert numbered(skip_rows=8 * skipped_batches, **options) == later


def test_reading_forever_goes_on_after_the_last_row(config, write):
    source = open_source(config("", row="INT32"), write({"a.csv": "0\n1\n2\n"}))
    counts = collections.Counter()
    for batch in source.dataset(7, epochs=None).take(9):
        counts.update(batch["row"].numpy().tolist())
    assert counts == {0: 21, 1: 21, 2: 21}


def test_a_transform_is_applied_to_each_batch(config, write):
    source = open_source(config("", row="INT32"), write({"a.csv": "1\n2\n3\n"}))
    dataset = source.dataset(2, transform=lambda raw: (raw["row"] * 10, tf.size(raw["row"])))
    batches = [(rows.tolist(), int(size)) for rows, size in dataset.as_numpy_iterator()]
    assert batches == [([10, 20], 2), ([30], 1)]
