"""Statistics of data are those of what its features read, in one pass over any reader."""

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format

from tfmtl.errors import DataError
from tfmtl.protos import pipeline_pb2
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.training import collect_statistics, statistics_table

CONFIG = """
data_config {
  with_header: true
  label_fields: ["click", "buy"]
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "buy" input_type: INT32 }
  input_fields { input_name: "user" input_type: INT64 }
  input_fields { input_name: "city" default_val: "oslo" }
  input_fields { input_name: "tags" }
  input_fields { input_name: "tastes" }
  input_fields { input_name: "age" input_type: INT32 default_val: "30" }
  input_fields { input_name: "price" input_type: FLOAT default_val: "9" }
  input_fields { input_name: "score" input_type: DOUBLE }
  input_fields { input_name: "vector" }
  input_fields { input_name: "seen" }
  input_fields { input_name: "spent" }
  input_fields { input_name: "page" input_type: INT32 default_val: "1" }
}
feature_configs { input_names: "user" vocabulary {} }
feature_configs { input_names: "city" vocabulary {} }
feature_configs { input_names: "tags" feature_type: TagFeature separator: "|/" vocabulary {} }
feature_configs {
  input_names: "tastes" feature_type: TagFeature kv_separator: ":" vocabulary {}
}
feature_configs {
  input_names: "age" feature_type: RawFeature binning { method: TREE task: "cvr" num_bins: 2 }
}
feature_configs { input_names: "price" feature_type: RawFeature }
feature_configs { feature_name: "score_as_word" input_names: "score" precision: 1 }
feature_configs { input_names: "vector" feature_type: RawFeature raw_input_dim: 2 separator: ";" }
feature_configs {
  input_names: "seen" feature_type: SequenceFeature separator: ";" seq_multi_sep: "|"
}
feature_configs {
  input_names: "spent" feature_type: SequenceFeature separator: ";" sub_feature_type: RawFeature
}
model_config {
  mmoe {
    task_towers { tower_name: "ctr" label_name: "click" }
    task_towers {
      tower_name: "cvr" label_name: "buy"
      task_space_indicator_name: "page" task_space_indicator_value: "1" out_task_space_weight: 0
    }
  }
}
"""
HUGE = 2**62 + 1
FRAME = pd.DataFrame(
    {
        "click": pd.array([1, 0, None, 1, 1], dtype="Int64"),
        "buy": pd.array([1, None, 0, 0, 1], dtype="Int64"),
        "user": pd.array([HUGE, HUGE, -1, None, 7], dtype="Int64"),
        "city": ["Київ", "oslo", None, 'a "b"', "Київ"],
        "tags": ["x|y/x", None, "|y|", "x", "ü"],
        "tastes": ["c1:0.5|c2:1", "c1:2", None, "c1", "c3:1"],
        "age": pd.array([20, 21, 40, None, 60], dtype="Int64"),
        "price": [1.5, None, float("inf"), 0.0, 4.5],
        "score": [0.25, 0.26, None, 1e300, -1.0],
        "vector": ["1;2", "3", None, "x;4", ";5"],
        "seen": ["a|b;a", None, "c", "a;;b", "d"],
        "spent": ["1;2;3", None, "4", ";5", "nan;-inf"],
        "page": pd.array([1, 1, 2, 1, None], dtype="Int64"),
    }
)


def make_pipeline(text=CONFIG):
    return text_format.Parse(text, pipeline_pb2.Pipeline())


def collected(pipeline, data=FRAME, **how):
    return {each.column: each for each in collect_statistics(pipeline, data, **how).columns}


@pytest.fixture(scope="module")
def found():
    return collected(make_pipeline())


def counts(column):
    return dict(zip(column.words.words, column.words.counts, strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user", {str(HUGE): 2, "7": 1}),
        ("city", {"Київ": 2, "oslo": 1, 'a "b"': 1}),
        ("tags", {"x": 3, "y": 2, "ü": 1}),
        ("tastes", {"c1": 3, "c2": 1, "c3": 1}),
        ("score", {"0.2": 1, "0.3": 1, f"{1e300:.1f}": 1, "-1.0": 1}),
        ("seen", {"a": 3, "b": 2, "c": 1, "d": 1}),
    ],
)
def test_words_are_those_that_features_read(found, name, expected):
    assert counts(found[name]) == expected
    assert found[name].values == sum(expected.values())
    assert found[name].distinct == len(expected)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("click", [1, 0, 1, 1]),
        ("age", [20, 21, 40, 60]),
        ("price", [1.5, 0.0, 4.5]),
        ("vector", [1, 2, 3, 4, 5]),
        ("spent", [1, 2, 3, 4, 5]),
    ],
)
def test_numbers_are_those_that_features_read(found, name, numbers):
    column = found[name]
    assert (column.values, column.distinct) == (len(numbers), len(set(numbers)))
    measured = column.numbers.mean, column.numbers.deviation
    assert measured == pytest.approx((np.mean(numbers), np.std(numbers)))
    assert (column.numbers.min, column.numbers.max) == (min(numbers), max(numbers))


@pytest.mark.parametrize(
    ("name", "rows"),
    [("click", 1), ("user", 2), ("city", 1), ("age", 1), ("price", 1), ("score", 1), ("spent", 1)],
)
def test_empty_cells_are_missing_whatever_they_mean_in_training(found, name, rows):
    assert found[name].missing_rows == rows


def test_items_of_lists_that_are_no_numbers_are_missing_among_them(found):
    assert (found["vector"].numbers.missing, found["vector"].missing_rows) == (2, 1)
    assert (found["spent"].numbers.missing, found["spent"].numbers.infinite) == (2, 1)
    assert found["price"].numbers.infinite == 1


def test_readings_are_told_in_words(found):
    assert found["tags"].reading == "words separated by any of `|/`"
    assert found["tastes"].reading == "words before `:` separated by any of `|`"
    assert found["seen"].reading == "words separated by any of `|` separated by `;`"
    assert found["vector"].reading == "numbers separated by `;`"
    assert found["score"].reading == "words with 1 digits"
    assert found["age"].reading == "numbers"


def test_trees_are_grown_in_the_sample_space_of_their_task(found):
    """Rows with a known purchase on page 1, which an empty cell means, and an age: 20 and 60."""
    (splits,) = found["age"].numbers.splits
    assert (splits.task, splits.rows, list(splits.edges)) == ("cvr", 2, [])
    frame = FRAME.assign(buy=pd.array([1, 0, 0, 0, 0], dtype="Int64"), page=1)
    (splits,) = collected(make_pipeline(), frame)["age"].numbers.splits
    assert (splits.rows, list(splits.edges)) == (4, [20.5])


def test_every_reader_gives_the_same_statistics(found, tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.to_parquet(tmp_path / "a.parquet", row_group_size=2)
    for kind in ("csv", "parquet"):
        pipeline = make_pipeline()
        if kind == "parquet":
            pipeline.data_config.input_type = pipeline.data_config.ParquetInputV2
        read = collected(pipeline, str(tmp_path / f"a.{kind}"))
        assert {name: str(each) for name, each in read.items()} == {
            name: str(each) for name, each in found.items()
        }


def test_a_row_appears_once_though_training_takes_it_several_times(found):
    pipeline = make_pipeline()
    pipeline.data_config.oversampling.label_name = "click"
    pipeline.data_config.oversampling.factor = 5
    assert collected(pipeline) == found


def test_one_row_is_enough_and_none_is_told():
    single = collect_statistics(make_pipeline(), FRAME[:1])
    assert single.rows == 1
    assert {each.column for each in single.columns} == set(FRAME)
    with pytest.raises(DataError, match="should have a row at least"):
        collect_statistics(make_pipeline(), FRAME[:0])


def test_the_row_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("click,user\n1,2\n0,x\n")
    text = """data_config { with_header: true label_fields: "click"
      input_fields { input_name: "click" }
      input_fields { input_name: "user" input_type: INT64 } }"""
    pipeline = make_pipeline(text)
    with pytest.raises(DataError, match="a.csv:3") as caught:
        collect_statistics(pipeline, str(tmp_path / "a.csv"))
    assert "`user`" in str(caught.value)


def test_no_more_words_are_kept_than_asked_for():
    column = collected(make_pipeline(), max_words=1)["tags"]
    assert (column.distinct, list(column.words.words)) == (3, ["x"])
    assert column.words.counts[0] + column.words.count_error >= 3


def test_words_that_are_no_utf_8_are_counted_but_not_listed(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"click,city\n1,\xff\n1,a\n")
    text = """data_config { with_header: true label_fields: "click"
      input_fields { input_name: "click" } input_fields { input_name: "city" } }"""
    column = collected(make_pipeline(text), str(tmp_path / "a.csv"))["city"]
    assert (column.values, column.distinct, list(column.words.words)) == (2, 2, ["a"])


def test_the_table_has_a_line_for_each_column_and_its_figures():
    lines = statistics_table(collect_statistics(make_pipeline(), FRAME)).splitlines()
    assert lines[0] == "5 rows of a DataFrame"
    shown = {line.split()[0]: line for line in lines[1:] if line}
    assert set(shown) == {"numbers", "words", *FRAME}
    cells = shown["age"].split()
    assert cells[1:6] == ["20.0%", "4", "4", "0.0%", "0"]
    assert cells[6:9] == ["35.25", "16.361", "20"]
    assert shown["city"].endswith('Київ 50.0%, a "b" 25.0%, oslo 25.0%')


def test_the_table_of_a_column_without_values_has_no_figures():
    frame = FRAME.assign(age=pd.array([None] * 5, dtype="Int64"), city="")
    lines = statistics_table(collect_statistics(make_pipeline(), frame)).splitlines()
    (age,) = [line for line in lines if line.startswith("  age")]
    assert age.split()[1:5] == ["100.0%", "0", "0", "-"]


def test_bad_rows_are_left_out_and_told_of(caplog):
    pipeline = text_format.Parse(CONFIG, pipeline_pb2.Pipeline())
    pipeline.data_config.bad_rows = DatasetConfig.SKIP
    frame = FRAME.astype({"page": object})
    frame.loc[1, "page"] = "one"
    assert collect_statistics(pipeline, frame).rows == len(frame) - 1
    assert caplog.messages == ["1 bad rows were left out."]
