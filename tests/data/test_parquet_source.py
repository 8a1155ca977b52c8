"""Parquet files: row groups, their mixing, and what is told of files that cannot be read."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfmtl.data import build_sampler, open_source, translate_errors
from tfmtl.errors import DataError

PARQUET = "input_type: ParquetInputV2"
COUNT = 40


@pytest.fixture(name="numbered")
def numbered_fixture(config, tmp_path):
    """40 numbered rows, in two files of row groups of 5 and of 8."""
    frame = pd.DataFrame({"number": range(COUNT), "text": [f"t{n}" for n in range(COUNT)]})
    frame[:20].to_parquet(tmp_path / "a.parquet", row_group_size=5)
    frame[20:].to_parquet(tmp_path / "b.parquet", row_group_size=8)
    settings = config(f"{PARQUET} shuffle_buffer_size: 1", number="INT64", text="STRING")
    return open_source(settings, str(tmp_path))


def numbers(source, batch_size=7, **options):
    tf.random.set_seed(1)
    return [batch["number"].numpy().tolist() for batch in source.dataset(batch_size, **options)]


def flat(batches):
    return [number for batch in batches for number in batch]


def test_rows_come_in_order_in_batches_that_run_across_groups_and_files(numbered):
    batches = numbers(numbered)
    assert [len(batch) for batch in batches] == [7, 7, 7, 7, 7, 5]
    assert flat(batches) == list(range(COUNT))


def test_the_cells_of_a_row_stay_together(numbered, rows):
    read = rows(numbered, batch_size=7, shuffle=True)
    assert read["text"] == [f"t{n}".encode() for n in read["number"]]


def test_shuffling_mixes_groups_and_the_rows_of_each_without_any_buffer(numbered):
    mixed = flat(numbers(numbered, shuffle=True, seed=3))
    assert sorted(mixed) == list(range(COUNT))
    assert np.abs(np.diff(mixed)).mean() > 5
    assert {n // 20 for n in mixed[:10]} == {0, 1}  # Of both files.


def test_an_epoch_reads_every_row_once_and_the_next_in_another_order(numbered):
    both = flat(numbers(numbered, batch_size=8, shuffle=True, epochs=2))
    assert sorted(both[:COUNT]) == sorted(both[COUNT:]) == list(range(COUNT))
    assert both[:COUNT] != both[COUNT:]


def test_the_same_seed_gives_the_same_batches(numbered):
    first, second, other = (numbers(numbered, shuffle=True, seed=seed) for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize("shuffle", [False, True])
def test_skipping_rows_leaves_the_later_batches_as_they_are(numbered, shuffle):
    whole = numbers(numbered, shuffle=shuffle, epochs=2)
    assert numbers(numbered, shuffle=shuffle, epochs=2, skip_rows=21) == whole[3:]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("skipped", [3, 17, COUNT, 2 * COUNT])
def test_rows_that_are_no_whole_batches_are_skipped_as_well(numbered, shuffle, skipped):
    how = {"shuffle": shuffle, "epochs": 2}
    one_by_one = flat(numbers(numbered, batch_size=1, **how))[skipped:]
    batches = [sorted(one_by_one[first : first + 7]) for first in range(0, len(one_by_one), 7)]
    assert [sorted(batch) for batch in numbers(numbered, skip_rows=skipped, **how)] == batches


def test_only_columns_that_are_wanted_are_read(config, rows, tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "lists": [[1], [2, 3]]})
    frame.to_parquet(tmp_path / "a.parquet")
    settings = config(PARQUET, a="INT32", lists="STRING")
    assert rows(open_source(settings, tmp_path / "a.parquet", ["a"])) == {"a": [1, 2]}


def test_rows_to_predict_on_need_no_labels(config, rows, tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    settings = config(f"{PARQUET} label_fields: 'click'", a="INT32", click="FLOAT")
    source = open_source(settings, tmp_path / "a.parquet", labels_required=False)
    assert rows(source) == {"a": [1]}


@pytest.fixture(name="bad")
def bad_fixture(tmp_path):
    """A file whose fourth row has an age that is no number."""
    frame = pd.DataFrame({"age": ["1", "2", "3", "old", "5"], "city": list("abcde")})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=2)
    return tmp_path / "a.parquet"


def test_a_bad_row_is_told_by_file_and_row(config, rows, bad):
    source = open_source(config(PARQUET, age="INT32", city="STRING"), bad)
    with pytest.raises(DataError) as error, translate_errors(source):
        rows(source)
    expected = f'{bad}: row 4: column `age` should be an INT32. Received: "old".'
    assert str(error.value).startswith(expected)


def test_bad_rows_may_be_left_out_and_are_counted(config, rows, bad):
    source = open_source(config(f"{PARQUET} bad_rows: SKIP", age="INT32", city="STRING"), bad)
    assert rows(source) == {"age": [1, 2, 3, 5], "city": [b"a", b"b", b"c", b"e"]}
    assert source.skipped_rows == 1
    assert sorted(rows(source, shuffle=True)["age"]) == [1, 2, 3, 5]


def test_bad_rows_alone_are_no_rows_even_if_they_are_read_forever(config, tmp_path):
    pd.DataFrame({"age": ["x", "y", "z"]}).to_parquet(tmp_path / "a.parquet", row_group_size=2)
    source = open_source(config(f"{PARQUET} bad_rows: SKIP", age="INT32"), tmp_path / "a.parquet")
    assert list(source.dataset(2, epochs=None, shuffle=True)) == []
    with pytest.raises(DataError, match="^Every row was left out as bad. The first: .*: row 1: "):
        raise source.no_rows_error()


@pytest.mark.parametrize("options", ["", "bad_rows: SKIP"])
def test_a_file_that_is_damaged_behind_its_head_is_told_of(config, rows, tmp_path, options):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"n": np.arange(1000)}).to_parquet(path, compression="snappy")
    content = bytearray(path.read_bytes())
    content[40:2000] = b"\xff" * 1960  # The cells; what the file says of itself is at its end.
    path.write_bytes(content)
    source = open_source(config(f"{PARQUET} {options}", n="INT64"), path)
    with pytest.raises(DataError) as error, translate_errors(source):
        rows(source)
    assert str(error.value).startswith(f"{path}: should be a whole Parquet file. Received: ")


def test_a_sampler_works_on_parquet_too(config, rows, tmp_path):
    pd.DataFrame({"click": [1.0, 0.0, 1.0], "n": [7, 8, 9]}).to_parquet(tmp_path / "a.parquet")
    text = f"{PARQUET} label_fields: 'click' oversampling {{ label_name: 'click' factor: 3 }}"
    settings = config(text, click="FLOAT", n="INT32")
    source = open_source(settings, tmp_path / "a.parquet", sampler=build_sampler(settings))
    assert rows(source)["n"] == [7, 7, 7, 8, 9, 9, 9]


BROKEN = {
    "a column is missing": (
        lambda path: pd.DataFrame({"b": [1]}).to_parquet(path),
        "PATH: should have column `a`. Received: b.",
    ),
    "a column of lists": (
        lambda path: pd.DataFrame({"a": [[1, 2]]}).to_parquet(path),
        "PATH: column `a` should have one value a row. Received: list<element: int64>. Write a "
        "list as text with a separator.",
    ),
    "text": (
        lambda path: path.write_text("a\n1\n"),
        "PATH: should be a Parquet file. Received: one that starts with b'a\\n1\\n'.",
    ),
    "no rows": (
        lambda path: pd.DataFrame({"a": pd.array([], dtype="int64")}).to_parquet(path),
        "PATH: should have a row at least. Received: 1 empty files.",
    ),
    "cut short": (
        lambda path: path.write_bytes(b"PAR1 and so on"),
        "PATH: should be a whole Parquet file. Received: ",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_will_not_do_is_told_in_words(config, tmp_path, name):
    write, message = BROKEN[name]
    write(tmp_path / "a.parquet")
    with pytest.raises(DataError) as error:
        open_source(config(PARQUET, a="INT32"), tmp_path / "a.parquet")
    assert str(error.value).startswith(message.replace("PATH", str(tmp_path / "a.parquet")))


@pytest.fixture(name="remote")
def remote_fixture(numbered, tmp_path):
    """The numbered rows in a file system that TensorFlow does not know."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for name in ("a", "b"):
        memory.pipe(f"/rows/{name}.parquet", (tmp_path / f"{name}.parquet").read_bytes())
    yield "memory://rows"
    memory.rm("/rows", recursive=True)


@pytest.mark.parametrize("path", ["DIR", "DIR/*.parquet", "DIR/a.parquet, DIR/b.parquet"])
def test_files_are_read_from_any_file_system_that_fsspec_knows(config, rows, remote, path):
    source = open_source(config(PARQUET, number="INT64"), path.replace("DIR", remote))
    assert rows(source, shuffle=False) == {"number": list(range(COUNT))}
    assert source.place(21).endswith("/rows/b.parquet: row 2")


@pytest.mark.parametrize(
    ("form", "path", "said"),
    [
        (PARQUET, "memory://rows/c.parquet", "should be a file, or hold data files. Received: no"),
        (PARQUET, "nowhere://a.parquet", "cannot be read: Protocol not known: nowhere."),
        ("", "memory://rows/a.parquet", "that TensorFlow lacks. Only Parquet files are read from"),
        ("input_type: TFRecordInput", "memory://rows/a.parquet", "Only Parquet files are read"),
    ],
)
def test_what_cannot_be_read_from_afar_is_told(config, remote, form, path, said):
    with pytest.raises(DataError) as error:
        open_source(config(form, number="INT64"), path)
    assert str(error.value).startswith(f"{path}: ") and said in str(error.value)
