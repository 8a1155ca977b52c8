"""Which files a path means."""

import os

import pytest

from tfmtl.data.files import find_files, read_lines
from tfmtl.data.remote import first_line
from tfmtl.errors import DataError


def names(paths):
    return [os.path.basename(file.path) for file in find_files(paths)]


@pytest.fixture(name="folder")
def folder_fixture(write):
    contents = dict.fromkeys(
        ["b.csv", "a.csv", "c.txt", ".hidden.csv", "_SUCCESS", "d,e.csv", "f[1].csv"], "1\n"
    )
    folder = write(contents)
    os.makedirs(f"{folder}/nested.csv")
    return folder


def test_a_list_keeps_its_order_and_a_glob_is_sorted(folder):
    assert names(f"{folder}/c.txt, {folder}/[ab].csv,") == ["c.txt", "a.csv", "b.csv"]


def test_a_directory_means_its_files_but_not_hidden_ones_nor_markers_nor_folders(folder):
    assert names(folder) == ["a.csv", "b.csv", "c.txt", "d,e.csv", "f[1].csv"]
    assert names(f"{folder}/*") == names(folder)


def test_a_file_whose_name_has_a_comma_or_a_bracket_is_found_by_it(folder):
    assert names(f"{folder}/d,e.csv") == ["d,e.csv"]
    assert names(f"{folder}/a.csv,{folder}/f[1].csv") == ["a.csv", "f[1].csv"]


def test_a_file_that_is_found_twice_is_there_once_and_named_if_it_ever_was(folder):
    assert names(f"{folder}/[ab].csv,{folder}/*.csv") == ["a.csv", "b.csv", "d,e.csv", "f[1].csv"]
    found = find_files(f"{folder}/[ab].csv,{folder}/a.csv")
    assert [file.is_named for file in found] == [True, False]


def test_a_hidden_file_is_read_when_it_is_named(folder):
    assert names(f"{folder}/.hidden.csv") == [".hidden.csv"]


def test_an_unknown_file_system_is_a_data_error():
    with pytest.raises(DataError, match="^moon://rows: cannot be read: Protocol not known: moon."):
        find_files("moon://rows")


def test_of_an_error_the_first_line_is_told_and_of_one_without_words_its_kind():
    assert first_line(OSError("One.\nTwo.")) == "One."
    assert first_line(TimeoutError()) == "TimeoutError"
    assert first_line(OSError("\nTwo.")) == "OSError"


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_lines_are_those_of_tensorflow(write, name):
    import tensorflow as tf

    folder = write({name: b"a\rb\r\n\nc\x00\xff\n\nlast\r"})
    packing = "GZIP" if name.endswith(".gz") else ""
    expected = tf.data.TextLineDataset(f"{folder}/{name}", packing).as_numpy_iterator()
    assert list(read_lines(f"{folder}/{name}")) == list(expected)
