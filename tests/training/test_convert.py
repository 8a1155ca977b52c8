"""What `convert` writes reads as what it was written from, and encoded trains to the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows

from tfmtl.data import open_source, part_files
from tfmtl.data.encoded_source import PREFIX
from tfmtl.errors import DataError
from tfmtl.features import Columns
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.training import convert, evaluate, train
from tfmtl.training.build import open_batches

pytestmark = pytest.mark.slow

RAW = """
label_fields: ["click", "dwell"]
input_fields { input_name: "click" input_type: INT32 }
input_fields { input_name: "dwell" input_type: STRING }
input_fields { input_name: "age" input_type: INT32 default_val: "18" }
input_fields { input_name: "stamp" input_type: INT64 }
input_fields { input_name: "price" input_type: FLOAT default_val: "7.5" }
input_fields { input_name: "score" input_type: DOUBLE }
input_fields { input_name: "member" input_type: BOOL default_val: "true" }
input_fields { input_name: "city" input_type: STRING default_val: "rome" }
"""
CELLS = """click,dwell,age,stamp,price,score,member,city
1,2.5,33,1099511627776,9.5,1e-300,1,"a,b"
,,,,,,,
0,,0,-1,0,0.1,false,Kyïv
"""
FORMATS = {
    "parquet": ("input_type: ParquetInputV2", {}),
    "tfrecord": ("input_type: TFRecordInput data_compression_type: 'GZIP'", {}),
    "one row a file": ("input_type: ParquetInputV2", {"file_rows": 1}),
}


def raw_pipeline(how):
    return Pipeline(data_config=text_format.Parse(RAW + how, DatasetConfig()))


def cells(source):
    (batch,) = source.dataset(100)
    return {name: values.numpy().tolist() for name, values in batch.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_reads_as_what_it_was_written_from(tmp_path, name):
    (tmp_path / "a.csv").write_text(CELLS)
    before = raw_pipeline("with_header: true")
    reading, how = FORMATS[name]
    kind = name if name == "tfrecord" else "parquet"
    written = convert(before, tmp_path / "a.csv", tmp_path / "out", kind=kind, **how)
    assert written == (3, 3 if how else 1)
    expected = cells(open_source(before.data_config, tmp_path / "a.csv"))
    read = cells(open_source(raw_pipeline(reading).data_config, tmp_path / "out"))
    assert repr(read) == repr(expected)


def test_empty_cells_stay_empty(tmp_path):
    (tmp_path / "a.csv").write_text(CELLS)
    convert(raw_pipeline("with_header: true"), tmp_path / "a.csv", tmp_path / "out")
    written = pq.read_table(tmp_path / "out")
    assert all(column[1].as_py() is None for column in written.columns)
    assert written["age"].to_pylist() == [33, None, 0]
    assert written["member"].to_pylist() == [True, None, False]


def test_bytes_that_are_no_text_stay_as_they_are(tmp_path):
    before = raw_pipeline("")
    (tmp_path / "a.csv").write_bytes(b"1,2,3,4,5,6,1,\xff\xfe\n")
    convert(before, tmp_path / "a.csv", tmp_path / "out")
    after = raw_pipeline(FORMATS["parquet"][0])
    assert cells(open_source(after.data_config, tmp_path / "out"))["city"] == [b"\xff\xfe"]


def test_rows_without_labels_are_written_without(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,3,4,0,rome\n")
    convert(raw_pipeline(""), tmp_path / "a.csv", tmp_path / "out")
    assert pq.read_schema(tmp_path / "out" / "part-00000.parquet").names[0] == "age"


def test_bad_rows_are_told_or_left_out(tmp_path):
    (tmp_path / "a.csv").write_text(CELLS + "1,2,old,4,5,6,1,x\n")
    with pytest.raises(DataError, match=r"a.csv:5: column `age` should be an INT32"):
        convert(raw_pipeline("with_header: true"), tmp_path / "a.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    skips = raw_pipeline("with_header: true bad_rows: SKIP")
    assert convert(skips, tmp_path / "a.csv", tmp_path / "out").rows == 3


FEATURES = """
feature_config {
  features { feature_name: "pairs" input_names: "pairs" feature_type: TagFeature kv_separator: ":"
    embedding_dim: 4 vocab_list: ["t1", "t2", "t3"] }
  features { feature_name: "cross" input_names: ["user", "tags"] feature_type: ComboFeature
    combo_input_seps: ["", "|"] embedding_dim: 4 hash_bucket_size: 50 }
  features { feature_name: "bins" input_names: "vector" feature_type: RawFeature raw_input_dim: 2
    boundaries: [0, 1] embedding_dim: 4 separator: ";" }
  features { feature_name: "vector" input_names: "vector" feature_type: RawFeature raw_input_dim: 2
    separator: ";" }
  features { input_names: "items" feature_type: SequenceFeature embedding_dim: 4
    embedding_name: "t" hash_bucket_size: 20 seq_multi_sep: "+" }
  features { input_names: "steps" feature_type: SequenceFeature sub_feature_type: RawFeature
    raw_input_dim: 4 seq_multi_sep: ";" }
  features { feature_name: "target" input_names: "user" embedding_dim: 4 embedding_name: "t"
    hash_bucket_size: 20 }
  features { feature_name: "sum" input_names: "price" feature_type: ExprFeature
    expression: "price * 2" }
}
data_config {
  input_fields { input_name: "pairs" } input_fields { input_name: "vector" }
  input_fields { input_name: "items" } input_fields { input_name: "steps" }
  input_fields { input_name: "weight" input_type: FLOAT }
  input_fields { input_name: "city" }
  sample_weight: "weight"
}
model_config {
  feature_groups {
    group_name: "all" feature_names: ["pairs", "cross", "bins", "vector", "sum"]
    sequence_features { seq_att_map { key: "target" hist_seq: "items" aux_hist_seq: "steps" } }
  }
}
eval_config { slice_by: "city" }
"""


def make_frame(count=150, seed=3):
    """Rows of all kinds of features; some cells are empty."""
    frame, random = make_rows(count, seed), np.random.default_rng(seed)
    lengths = random.integers(0, 4, count)
    numbers = [random.integers(1, 5, n) for n in lengths]
    frame["pairs"] = ["|".join(f"t{n}:{n / 2}" for n in each) for each in numbers]
    frame["vector"] = ["" if not n else f"{n / 3:.3f};{1 - n}" for n in lengths]
    frame["items"] = ["|".join(f"i{n}+j{n}" for n in each) for each in numbers]
    frame["steps"] = ["|".join(f"{n};1;2;{n}" for n in each) for each in numbers]
    frame["weight"] = random.integers(1, 3, count).astype("float32")
    frame["city"] = random.choice(["oslo", "rome"], count)
    frame.loc[5, "price"] = np.nan
    return frame


@pytest.fixture(name="full", scope="module")
def full_fixture(tmp_path_factory):
    """A pipeline of all kinds of features over Parquet files, and the folder of its data."""
    folder = tmp_path_factory.mktemp("full")
    pipeline = make_pipeline(folder)
    text_format.Merge(FEATURES, pipeline)
    group = pipeline.model_config.feature_groups.pop()
    pipeline.model_config.feature_groups[0].MergeFrom(group)
    tower = pipeline.model_config.shared_bottom.task_towers[1]
    tower.task_space_indicator_label, tower.out_task_space_weight = "click", 0.0
    tower.metrics_set.add().gauc.uid_field = "user"
    tower.losses.add(loss_type="CLASSIFICATION")
    tower.losses.add(loss_type="PAIR_WISE_LOSS").pairwise_loss.session_name = "user"
    pipeline.data_config.input_type = DatasetConfig.ParquetInputV2
    pipeline.train_config.num_steps = 6
    frame = make_frame()
    frame.to_parquet(folder / "raw.parquet", row_group_size=64)
    pipeline.train_input_path = pipeline.eval_input_path = str(folder / "raw.parquet")
    return pipeline, folder


@pytest.fixture(name="encoded", scope="module")
def encoded_fixture(full):
    """The same pipeline over the same rows, encoded."""
    pipeline, folder = full
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_files, "GROUP_ROWS", 64)  # As in the raw data, so that both mix alike.
        convert(pipeline, folder / "raw.parquet", folder / "encoded", encoded=True)
    return over(pipeline, folder / "encoded")


def over(pipeline, path):
    copy = Pipeline()
    copy.CopyFrom(pipeline)
    copy.train_input_path = copy.eval_input_path = str(path)
    return copy


def lists(batch):
    parts = tf.nest.flatten(batch, expand_composites=True)  # Of ragged values, ends of rows too.
    return [part.numpy().tolist() for part in parts]


def opened(pipeline, beside=(), **how):
    """The batches of a pipeline's data, and its encoder."""
    columns = Columns.from_pipeline(pipeline)
    path = pipeline.train_input_path
    return open_batches(pipeline, columns, beside, path, 16, **how), columns


def test_encoded_batches_are_those_of_the_raw_data(full, encoded):
    read = []
    for pipeline in (full[0], encoded):
        batches, columns = opened(pipeline, ["click", "buy", "user", "weight"])
        mixed = batches.dataset(shuffle=True, epochs=2, seed=7)
        read.append([repr(lists(batch)) for each in (batches.dataset(), mixed) for batch in each])
        assert mixed.element_spec[0] == columns.encoded_signature()
    assert read[0] == read[1]


def test_encoded_data_trains_and_evaluates_to_the_same_numbers(full, encoded, tmp_path):
    results = []
    for name, pipeline in (("raw", full[0]), ("encoded", encoded)):
        pipeline = over(pipeline, pipeline.train_input_path)
        pipeline.model_dir = str(tmp_path / name)
        metrics = train(pipeline).metrics
        found = evaluate(pipeline)
        assert found.metrics == pytest.approx(metrics, nan_ok=True)
        results.append((metrics, found.tables["slices"]["city"]))
    (raw, raw_slices), (ready, ready_slices) = results
    assert ready == pytest.approx(raw, rel=1e-6)
    assert {"oslo", "rome"} == set(raw_slices)
    assert ready_slices == {city: pytest.approx(its) for city, its in raw_slices.items()}


def changed(pipeline, change):
    copy = over(pipeline, pipeline.train_input_path)
    change(copy.feature_config.features)
    return copy


REFUSED = {
    "another hash size": (lambda its: setattr(its[4], "hash_bucket_size", 51), "`cross`"),
    "other words": (lambda its: its[3].vocab_list.append("t9"), "`pairs`"),
    "another separator": (lambda its: setattr(its[1], "separator", ","), "`tags`"),
    "other bins": (lambda its: its[5].boundaries.append(7), "`bins`"),
}


def test_encoded_features_that_are_damaged_are_told_of(full, encoded, tmp_path):
    (part,) = Path(encoded.train_input_path).iterdir()
    damaged = tmp_path / "damaged.parquet"
    content = bytearray(part.read_bytes())
    column = next(
        group.column(index)
        for group in [pq.read_metadata(part).row_group(0)]
        for index in range(group.num_columns)
        if group.column(index).path_in_schema.startswith(PREFIX)
    )
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 12] = b"\xff" * 12
    damaged.write_bytes(content)
    batches, _ = opened(over(encoded, damaged), ["click"])
    with pytest.raises(DataError, match="damaged.parquet: should be a whole Parquet file"):
        list(batches.read(batches.dataset()))


@pytest.mark.parametrize("name", REFUSED)
def test_another_encoding_is_refused_in_one_line(encoded, name):
    change, feature = REFUSED[name]
    with pytest.raises(DataError) as error:
        opened(changed(encoded, change))
    start = f"{encoded.train_input_path}/part-00000.parquet: was encoded in another way than the "
    assert str(error.value).startswith(f"{start}config says, of {feature}. Write it again")
    assert "\n" not in str(error.value)


def test_a_feature_of_another_column_is_refused(encoded):
    def read_city(features):
        features[0].feature_name = "user"
        features[0].input_names[:] = ["city"]

    with pytest.raises(DataError, match="in another way than the config says, of `user`"):
        opened(changed(encoded, read_city))


def test_a_feature_that_was_not_encoded_is_told(encoded):
    def rename(features):
        features[3].feature_name = "pears"

    pipeline = changed(encoded, rename)
    names = pipeline.model_config.feature_groups[0].feature_names
    names[list(names).index("pairs")] = "pears"
    with pytest.raises(DataError, match=r"should have the encoded features `pears` .*`pairs`"):
        opened(pipeline)


def test_fewer_features_and_other_widths_read_the_same_files(encoded):
    pipeline = changed(encoded, lambda its: setattr(its[0], "embedding_dim", 9))
    pipeline.model_config.feature_groups[0].feature_names.remove("cross")
    encoded_features, _ = next(iter(opened(pipeline)[0].dataset()))
    assert "cross" not in encoded_features and "pairs/weights" in encoded_features


def test_a_raw_column_that_was_not_written_is_told_with_what_would_do(full, encoded):
    with pytest.raises(DataError, match=r"lacks the columns `vector`.*--reserved_cols vector`"):
        opened(encoded, ["click", "vector"])
    pipeline = over(full[0], full[0].eval_input_path)
    pipeline.eval_config.slice_by.append("vector")
    again = full[1] / "again"
    convert(pipeline, full[1] / "raw.parquet", again, encoded=True, reserved=["pairs"])
    assert {"vector", "pairs"} <= set(pq.read_schema(again / "part-00000.parquet").names)


def test_encoded_files_are_no_raw_data(encoded):
    with pytest.raises(DataError, match="should have the raw columns `tags`. Received: encoded"):
        open_source(encoded.data_config, encoded.train_input_path, ["tags"])


def test_raw_files_among_encoded_ones_are_told(full, encoded):
    pipeline = over(encoded, f"{encoded.train_input_path},{full[0].train_input_path}")
    with pytest.raises(DataError, match="raw.parquet: should be encoded, as the files before it"):
        opened(pipeline)


def test_a_cell_that_cannot_be_encoded_is_told(full, tmp_path):
    frame = make_frame(20)
    frame.loc[7, "steps"] = "1;one"
    frame.to_parquet(tmp_path / "raw.parquet")
    with pytest.raises(DataError, match="raw.parquet: row 8: Feature `steps` should read"):
        convert(full[0], tmp_path / "raw.parquet", tmp_path / "out", encoded=True)
    assert not (tmp_path / "out").exists()


def test_columns_are_reserved_beside_encoded_features_alone(full, tmp_path):
    pipeline, folder = full
    with pytest.raises(DataError) as error:
        convert(pipeline, folder / "raw.parquet", tmp_path / "out", reserved=["user", "price"])
    assert str(error.value) == (
        "Columns should be reserved beside encoded features; without those all that are declared "
        "are written. Received: user, price."
    )


def test_encoded_features_are_written_as_parquet_alone(full, tmp_path):
    with pytest.raises(DataError, match="should be written as parquet. Received: tfrecord"):
        convert(full[0], make_frame(), tmp_path / "out", kind="tfrecord", encoded=True)


def test_a_dataframe_is_converted_too(tmp_path):
    before = raw_pipeline("")
    frame = pd.DataFrame({"age": [1, None], "stamp": [2, 3], "price": [1.0, 2.0]})
    for name in ("score", "member", "city", "click", "dwell"):
        frame[name] = ["1", None]
    assert convert(before, frame, tmp_path / "out").rows == 2
