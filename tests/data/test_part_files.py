"""Folders of files: their sizes, and that they are there only when complete."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfmtl.data import part_files as parts_module
from tfmtl.data.part_files import part_files
from tfmtl.errors import DataError

SCHEMA = pa.schema([("n", pa.int32())])


def table(*numbers):
    return pa.table({"n": pa.array(numbers, pa.int32())})


def test_rows_go_into_groups_and_files_of_a_size(tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "GROUP_ROWS", 4)
    with part_files(tmp_path / "out", "parquet", SCHEMA, file_rows=8) as parts:
        for start in range(0, 21, 3):
            parts.write(table(*range(start, start + 3)))
    heads = [pq.ParquetFile(path).metadata for path in sorted((tmp_path / "out").iterdir())]
    groups = [[head.row_group(i).num_rows for i in range(head.num_row_groups)] for head in heads]
    assert groups == [[4, 4], [4, 4], [4, 1]]
    assert pq.read_table(tmp_path / "out")["n"].to_pylist() == list(range(21))
    assert (parts.rows, parts.files) == (21, 3)


def test_wide_rows_make_groups_of_fewer(tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "GROUP_BYTES", 8)
    with part_files(tmp_path / "out", "parquet", SCHEMA) as parts:
        for start in (0, 1, 2, 3):
            parts.write(table(start))
    assert pq.ParquetFile(tmp_path / "out" / "part-00000.parquet").metadata.num_row_groups == 2


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_a_compression_is_that_of_the_file(tmp_path, compression):
    with part_files(tmp_path / "out", "parquet", SCHEMA, compression) as parts:
        parts.write(table(1))
    head = pq.ParquetFile(tmp_path / "out" / "part-00000.parquet").metadata
    used = head.row_group(0).column(0).compression
    assert used == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())


def test_nothing_is_there_before_all_is_written(tmp_path):
    with pytest.raises(KeyError), part_files(tmp_path / "out", "parquet", SCHEMA) as parts:
        parts.write(table(1))
        assert not (tmp_path / "out").exists()
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    with part_files(tmp_path / "out", "parquet", SCHEMA) as parts:
        parts.write(table(1))
    with pytest.raises(DataError, match="should be a new folder. Received: .*which is there"):
        part_files(tmp_path / "out", "parquet", SCHEMA).__enter__()
    with pytest.raises(DataError, match="should be in a folder that exists"):
        part_files(tmp_path / "no" / "out", "parquet", SCHEMA).__enter__()


def test_of_two_that_write_a_folder_at_the_same_time_the_first_to_end_has_it(tmp_path):
    with pytest.raises(DataError, match="could not be written: Directory not empty"):
        with part_files(tmp_path / "out", "parquet", SCHEMA) as slow:
            slow.write(table(1))
            with part_files(tmp_path / "out", "parquet", SCHEMA) as fast:
                fast.write(table(2))
    assert pq.read_table(tmp_path / "out").to_pydict() == {"n": [2]}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_compression_of_another_format_is_refused(tmp_path):
    with pytest.raises(DataError, match="of parquet should be zstd, snappy, gzip or none"):
        part_files(tmp_path / "out", "parquet", SCHEMA, "ZLIB").__enter__()
    assert not list(tmp_path.iterdir())


def test_records_have_the_values_that_examples_have(tmp_path):
    rows = pa.table(
        {
            "whole": pa.array([2**40, None], pa.int64()),
            "truth": pa.array([None, True]),
            "short": pa.array([0.1, 2.5], pa.float32()),
            "long": pa.array([0.1, None], pa.float64()),
            "text": pa.array(["é" * 200, ""], pa.string()),
        }
    )
    with part_files(tmp_path / "out", "tfrecord", rows.schema, "none") as parts:
        parts.write(rows)
    read = tf.data.TFRecordDataset(str(tmp_path / "out" / "part-00000.tfrecord"))
    first, second = (tf.train.Example.FromString(each) for each in read.as_numpy_iterator())
    assert first.features.feature["whole"].int64_list.value == [2**40]
    assert first.features.feature["truth"].WhichOneof("kind") is None
    assert first.features.feature["short"].float_list.value == pytest.approx([0.1])
    assert first.features.feature["long"].bytes_list.value == [b"0.1"]
    assert first.features.feature["text"].bytes_list.value == ["é".encode() * 200]
    assert second.features.feature["whole"].WhichOneof("kind") is None
    assert second.features.feature["truth"].int64_list.value == [1]
    assert second.features.feature["text"].bytes_list.value == [b""]
