"""A table of broken data: each gives its exact sentence."""

import gzip
import random
import zlib

import pandas as pd
import pytest

from tfmtl.data import open_source, translate_errors
from tfmtl.errors import DataError

COLUMNS = {"click": "INT32", "age": "INT32", "price": "FLOAT", "member": "BOOL", "city": "STRING"}
GOOD = "1,30,9.5,true,Rome\n"
HEADER = "click,age,price,member,city\n"
NAMED = "with_header: true"
FIX = "Fix it, or set `data_config.bad_rows: SKIP` to leave such rows out."

# Name: (files, path, options of the config, sentence). `DIR` is the folder of the files.
BROKEN = {
    # Files that are not there, or not data.
    "a missing file": ({}, "DIR/a.csv", "", "DIR/a.csv: there is no such file."),
    "a missing file in a list": (
        {"a.csv": GOOD},
        "DIR/a.csv,DIR/b.csv",
        "",
        "DIR/b.csv: there is no such file.",
    ),
    "a glob without match": (
        {"a.csv": GOOD},
        "DIR/*.txt",
        "",
        "DIR/*.txt: should match a file. Received: none.",
    ),
    "a directory without data": (
        {"_SUCCESS": "", ".hidden": GOOD},
        "DIR",
        "",
        "DIR: should hold data files. Received: none.",
    ),
    "no path": (
        {},
        " , ",
        "",
        "The data has no path. Set train_input_path or eval_input_path.",
    ),
    "an empty file": (
        {"a.csv": ""},
        "DIR/a.csv",
        "",
        "DIR/a.csv: should have a row at least. Received: an empty file.",
    ),
    "an empty gzip file": (
        {"a.csv.gz": ""},
        "DIR/a.csv.gz",
        "",
        "DIR/a.csv.gz: should have a row at least. Received: an empty file.",
    ),
    "a header only": (
        {"a.csv": HEADER},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: should have a row at least. Received: a header only.",
    ),
    "a directory of empty files": (
        {"a.csv": "", "b.csv": ""},
        "DIR",
        "",
        "DIR: should have a row at least. Received: 2 empty files.",
    ),
    "an archive": (
        {"a.tar.gz": GOOD},
        "DIR/a.tar.gz",
        "",
        "DIR/a.tar.gz: is an archive of files. Unpack it; single files may be .gz.",
    ),
    "a Parquet file": (
        {"a.parquet": "PAR1 and so on"},
        "DIR/a.parquet",
        "",
        "DIR/a.parquet: is a Parquet file. `input_type: ParquetInputV2` reads it.",
    ),
    "a zip archive": (
        {"a.zip": "PK\x03\x04 and so on"},
        "DIR/a.zip",
        "",
        "DIR/a.zip: is a zip archive. Unpack it, or pack the files as .gz.",
    ),
    "UTF-16": (
        {"a.csv": GOOD.encode("utf-16")},
        "DIR/a.csv",
        "",
        "DIR/a.csv: is UTF-16 text. Save it as UTF-8.",
    ),
    "a byte order mark without a header": (
        {"a.csv": GOOD.encode("utf-8-sig")},
        "DIR/a.csv",
        "",
        "DIR/a.csv: starts with a byte order mark. Save it as UTF-8 without one.",
    ),
    "gzip data by another name": (
        {"a.csv": gzip.compress(GOOD.encode())},
        "DIR/a.csv",
        "",
        "DIR/a.csv: is gzip data. Names of gzip files end in .gz, and no others do.",
    ),
    # Headers.
    "a header without a column": (
        {"a.csv": "click,age,prise,member,city\n" + GOOD},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: the header should name `price` (nearest: `prise`). "
        "Received: click,age,prise,member,city.",
    ),
    "a second file without a column": (
        {"a.csv": HEADER + GOOD, "b.csv": "click,member,city\n1,0,x\n"},
        "DIR",
        NAMED,
        "DIR/b.csv: the header should name `age`, `price`. Received: click,member,city.",
    ),
    "a column that is named twice": (
        {"a.csv": "age," + HEADER + "3," + GOOD},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: the header names column `age` more than once.",
    ),
    "no header, and two cells alike": (
        {"a.csv": "1,30,1,true,Rome\n" * 2},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: the header should name `click`, `age`, `price`, `member`, `city`. "
        "Received: 1,30,1,true,Rome. If it is a row, set `data_config.with_header: false`.",
    ),
    "a header split at another byte": (
        {"a.csv": (HEADER + GOOD).replace(",", "\t")},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: the header should name `click`, `age`, `price`, `member`, `city`. "
        "Received: click\\tage\\tprice\\tmember\\tcity. "
        "It does when split at '\\t': set `data_config.separator`.",
    ),
    "no header": (
        {"a.csv": GOOD * 2},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: the header should name `click`, `age`, `price`, `member`, `city`. "
        "Received: 1,30,9.5,true,Rome. If it is a row, set `data_config.with_header: false`.",
    ),
    "a header with a stray quote": (
        {"a.csv": 'click,a"ge\n' + GOOD},
        "DIR/a.csv",
        NAMED,
        "DIR/a.csv: in the header, cell 2 has a double quote inside, but is not in double quotes.",
    ),
    "an unexpected header": (
        {"a.csv": HEADER + GOOD},
        "DIR/a.csv",
        "",
        'DIR/a.csv:1: column `click` should be an INT32. Received: "click". It looks like a '
        "header: set `data_config.with_header: true` if it is the file's first line, or delete it.",
    ),
    # Rows.
    "too few columns": (
        {"a.csv": GOOD + "1,30,9.5,true\n"},
        "DIR/a.csv",
        "",
        f"DIR/a.csv:2: expected 5 columns. Received: 4. {FIX}",
    ),
    "too many columns": (
        {"a.csv": HEADER + GOOD * 2 + "1,30,9.5,true,Rome,Bonn\n"},
        "DIR/a.csv",
        NAMED,
        f"DIR/a.csv:4: expected 5 columns. Received: 6. {FIX}",
    ),
    "an empty line": (
        {"a.csv": GOOD + "\n" + GOOD},
        "DIR/a.csv",
        "",
        f"DIR/a.csv:2: expected 5 columns. Received: an empty line. {FIX}",
    ),
    "rows split at another byte": (
        {"a.csv": GOOD.replace(",", ";")},
        "DIR/a.csv",
        "",
        "DIR/a.csv:1: expected 5 columns. Received: 1. "
        "Split at ';' it has 5: set `data_config.separator`.",
    ),
    "text in a FLOAT": (
        {"a.csv": GOOD, "b.csv": GOOD + "0,30,cheap,true,Rome\n"},
        "DIR/*.csv",
        "",
        f'DIR/b.csv:2: column `price` should be a FLOAT. Received: "cheap". {FIX}',
    ),
    "a fraction in an INT32": (
        {"a.csv": "1.5,30,9.5,true,Rome\n"},
        "DIR/a.csv",
        "",
        'DIR/a.csv:1: column `click` should be an INT32. Received: "1.5". '
        "Declare the column `input_type: DOUBLE`, or fix the cell.",
    ),
    "an INT32 beyond its range": (
        {"a.csv.gz": GOOD + "1,3000000000,9.5,true,Rome\n"},
        "DIR/a.csv.gz",
        "",
        'DIR/a.csv.gz:2: column `age` should be an INT32. Received: "3000000000". '
        "Declare the column `input_type: INT64`, or fix the cell.",
    ),
    "a space in a number's cell": (
        {"a.csv": "1, ,9.5,true,Rome\n"},
        "DIR/a.csv",
        "",
        f'DIR/a.csv:1: column `age` should be an INT32. Received: " ". {FIX}',
    ),
    "a BOOL that is none": (
        {"a.csv": "1,30,9.5,yes,Rome\n"},
        "DIR/a.csv",
        "",
        f'DIR/a.csv:1: column `member` should be a BOOL. Received: "yes". {FIX}',
    ),
    "a stray quote": (
        {"a.csv": '1,30,9.5,true,Ro"me\n'},
        "DIR/a.csv",
        "",
        "DIR/a.csv:1: cell 5 has a double quote inside, but is not in double quotes. "
        f'Received: "1,30,9.5,true,Ro"me". {FIX}',
    ),
    "a line break in a quoted cell": (
        {"a.csv": '1,30,9.5,true,"Ro\nme"\n'},
        "DIR/a.csv",
        "",
        "DIR/a.csv:1: cell 5 has an opening double quote and no closing one. "
        f'Received: "1,30,9.5,true,"Ro". {FIX}',
    ),
    "binary noise": (
        {"a.csv": b"\x93\x00\xff\x01\n"},
        "DIR/a.csv",
        "",
        f"DIR/a.csv:1: expected 5 columns. Received: 1. {FIX}",
    ),
    "bad rows only": (
        {"a.csv": "x,30,9.5,true,Rome\n"},
        "DIR/a.csv",
        "bad_rows: SKIP",
        "Every row was left out as bad. The first: "
        f'DIR/a.csv:1: column `click` should be an INT32. Received: "x". {FIX}',
    ),
}


def read_all(config, data):
    """Reads as training does: an empty reading is an error too."""
    source = open_source(config, data)
    with translate_errors(source):
        if not list(source.dataset(4, shuffle=True)):
            raise source.no_rows_error()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_data_gives_its_sentence(config, write, name):
    contents, path, options, sentence = BROKEN[name]
    folder = write(contents)
    with pytest.raises(DataError) as error:
        read_all(config(f"label_fields: 'click' {options}", **COLUMNS), path.replace("DIR", folder))
    assert str(error.value).replace(folder, "DIR") == sentence


def cut_within_a_row(packed):
    for cut in range(len(packed) // 2, len(packed)):
        last_line = zlib.decompressobj(wbits=31).decompress(packed[:cut]).split(b"\n")[-1]
        if last_line and last_line.count(b",") < 4:
            return packed[:cut]
    raise AssertionError("There is no such cut.")


def without_checksum(packed):
    return packed[:-8] + bytes(8)


@pytest.mark.parametrize(
    ("damage", "options"),
    [(cut_within_a_row, ""), (without_checksum, ""), (without_checksum, "bad_rows: SKIP")],
)
def test_damaged_gzip_data_is_told_of(config, tmp_path, damage, options):
    path = tmp_path / "a.csv.gz"
    noise = random.Random(7).randbytes(60_000).hex()
    rows = "".join(f"1,{row},9.5,true,{noise[row : row + 50]}\n" for row in range(2000))
    path.write_bytes(damage(gzip.compress(rows.encode())))
    sentence = f"^{path}: should be whole gzip data. Received: damaged data after line [0-9]+ "
    with pytest.raises(DataError, match=sentence):
        read_all(config(f"label_fields: 'click' {options}", **COLUMNS), path)


def test_a_gzip_name_without_gzip_data_is_told_of(config, tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_text(GOOD)
    sentence = "is not gzip data, but its name says so. Names of gzip files end in .gz, and no"
    with pytest.raises(DataError, match=f"^{path}: {sentence} others do.$"):
        read_all(config("", **COLUMNS), path)


def test_a_file_that_vanishes_is_told_of(config, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    source = open_source(config("", **COLUMNS), path)
    path.unlink()
    with pytest.raises(DataError, match=f"^{path}: cannot be read: .*No such file or directory.$"):
        with translate_errors(source):
            list(source.dataset(4))


# DataFrames: (columns to change, options of the config, sentence).
BROKEN_FRAMES = {
    "text in a FLOAT": (
        {"price": ["1.5", "cheap", "x"]},
        "",
        f'DataFrame.iloc[1]: column `price` should be a FLOAT. Received: "cheap". {FIX}',
    ),
    "a fraction in an INT32": (
        {"age": [1.0, 2.0, 2.5]},
        "",
        'DataFrame.iloc[2]: column `age` should be an INT32. Received: "2.5". '
        "Declare the column `input_type: DOUBLE`, or fix the cell.",
    ),
    "an INT32 beyond its range": (
        {"age": [1, 2, 3_000_000_000]},
        "",
        'DataFrame.iloc[2]: column `age` should be an INT32. Received: "3000000000". '
        "Declare the column `input_type: INT64`, or fix the cell.",
    ),
    "a number that is no BOOL": (
        {"member": [0, 1, 2]},
        "",
        f'DataFrame.iloc[2]: column `member` should be a BOOL. Received: "2". {FIX}',
    ),
    "a list in a STRING": (
        {"city": ["a", ["b", "c"], "d"]},
        "",
        "DataFrame.iloc[1]: column `city` should be a STRING. Received: \"['b', 'c']\". "
        "Join the values of a list with their feature's `separator`.",
    ),
    "a column that is missing": (
        {"price": None, "prices": [1.0, 2.0, 3.0]},
        "",
        "DataFrame: should have column `price` (nearest: `prices`). "
        "Received: click, age, member, city, prices.",
    ),
    "no rows": (
        dict.fromkeys(COLUMNS, ()),
        "",
        "DataFrame: should have a row at least. Received: none.",
    ),
    "bad rows only": (
        {"age": ["x", "y", "z"]},
        "bad_rows: SKIP",
        "Every row was left out as bad. The first: "
        f'DataFrame.iloc[0]: column `age` should be an INT32. Received: "x". {FIX}',
    ),
}


@pytest.mark.parametrize("name", BROKEN_FRAMES)
def test_a_broken_dataframe_gives_its_sentence(config, name):
    changes, options, sentence = BROKEN_FRAMES[name]
    good = {"click": [0, 1, 1], "age": [3, 4, 5], "price": [1.0, 2.0, 3.0]}
    columns = {**good, "member": [True, True, False], "city": ["a", "b", "c"], **changes}
    frame = pd.DataFrame({name: cells for name, cells in columns.items() if cells is not None})
    with pytest.raises(DataError) as error:
        read_all(config(f"label_fields: 'click' {options}", **COLUMNS), frame)
    assert str(error.value) == sentence


def test_a_dataframe_with_a_column_twice_is_told_of(config):
    frame = pd.DataFrame([[1, 2]], columns=["age", "age"])
    with pytest.raises(DataError, match="^DataFrame: has column `age` more than once.$"):
        open_source(config("", age="INT32"), frame)
