import gzip

import numpy as np
import pandas as pd
import pytest

from tfmtl import config
from tfmtl.errors import DataError
from tfmtl.serving.prediction_files import check_prediction_path, prediction_file

FIRST = {
    "user": np.array([b"u1", b"a,b", "ü".encode()], object),
    "age": np.array([31, 47, 5], np.int32),
    "click": np.array([1.0, np.nan, 0.0], np.float32),
    "probs": np.array([0.1, 0.25, 1e-9], np.float32),
    "classes": np.array([[0.1, 0.9], [0.5, 0.5], [1.0, 0.0]], np.float32),
}
SECOND = {name: column[:2] for name, column in FIRST.items()}


def write(path, *batches):
    with prediction_file(path) as file:
        for batch in batches:
            file.write(batch)


def test_csv_has_one_header_and_the_rows_of_all_batches(tmp_path):
    write(tmp_path / "out.csv", FIRST, SECOND)
    assert (tmp_path / "out.csv").read_text("utf-8").splitlines() == [
        "user,age,click,probs,classes",
        'u1,31,1.0,0.1,"[0.1, 0.9]"',
        '"a,b",47,,0.25,"[0.5, 0.5]"',
        'ü,5,0.0,1e-09,"[1.0, 0.0]"',
        'u1,31,1.0,0.1,"[0.1, 0.9]"',
        '"a,b",47,,0.25,"[0.5, 0.5]"',
    ]


def test_csv_keeps_every_float_and_every_byte(tmp_path):
    exact = np.array([1 / 3, 2e-30, 16777216], np.float32)
    write(tmp_path / "out.csv", {"id": np.array([b"\xff", b"", b"x"], object), "probs": exact})
    read = pd.read_csv(tmp_path / "out.csv", encoding="latin-1")
    assert read["id"][0] == "\xff"
    np.testing.assert_array_equal(read["probs"].to_numpy(np.float32), exact)


def test_gzip_is_the_same_text(tmp_path):
    write(tmp_path / "out.csv", FIRST, SECOND)
    write(tmp_path / "out.csv.gz", FIRST, SECOND)
    with gzip.open(tmp_path / "out.csv.gz") as file:
        assert file.read() == (tmp_path / "out.csv").read_bytes()


def test_parquet_keeps_types_and_lists(tmp_path):
    write(tmp_path / "out.parquet", FIRST, SECOND)
    read = pd.read_parquet(tmp_path / "out.parquet")
    assert read["user"].tolist() == ["u1", "a,b", "ü", "u1", "a,b"]
    assert read["age"].dtype == np.int32
    assert read["probs"].dtype == np.float32
    np.testing.assert_array_equal(
        np.stack(read["classes"]), np.concatenate([FIRST["classes"], SECOND["classes"]])
    )


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_a_file_is_there_when_it_is_complete_and_not_before(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    path.write_text("of yesterday")
    with pytest.raises(KeyError), prediction_file(path) as file:
        file.write(FIRST)
        raise KeyError
    assert path.read_text() == "of yesterday"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_name_of_no_known_kind_is_told(tmp_path):
    with pytest.raises(DataError) as error:
        check_prediction_path(tmp_path / "out.txt")
    assert str(error.value) == (
        "The file of predictions should end in .csv, .csv.gz or .parquet. "
        f"Received: `{tmp_path}/out.txt`."
    )


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="should be in a folder that exists"):
        check_prediction_path(tmp_path / "nowhere" / "out.csv")


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_a_full_disk_is_told(tmp_path, ending, monkeypatch):
    path = tmp_path / f"out.{ending}"
    full = tmp_path / f".tmp-out.{ending}"
    full.symlink_to("/dev/full")
    monkeypatch.setattr(config, "aside", lambda path: full)
    with pytest.raises(DataError) as error:
        write(path, FIRST)
    assert str(error.value) == (
        f"The predictions `{path}` could not be written: No space left on device."
    )
    assert not list(tmp_path.iterdir())
