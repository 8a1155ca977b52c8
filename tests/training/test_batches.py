"""Batches of a source: encoded features beside the columns that tasks read, and clear errors."""

import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format

from tfmtl.data import open_source
from tfmtl.errors import DataError
from tfmtl.features import Columns
from tfmtl.protos import pipeline_pb2
from tfmtl.training.batches import Batches, step_function

PIPELINE = """
data_config {
  separator: ";"
  label_fields: "click"
  input_fields { input_name: "click" input_type: FLOAT }
  input_fields { input_name: "user" }
  input_fields { input_name: "tags" }
}
feature_configs { input_names: "user" feature_type: IdFeature embedding_dim: 4 num_buckets: 9 }
feature_configs {
  input_names: "tags" feature_type: TagFeature embedding_dim: 4 num_buckets: 9 kv_separator: ":"
}
model_config { feature_groups { group_name: "all" feature_names: ["user", "tags"] } }
"""


def open_batches(data, strict=True, batch_size=2, pipeline=None):
    pipeline = pipeline or text_format.Parse(PIPELINE, pipeline_pb2.Pipeline())
    source = open_source(pipeline.data_config, data)
    return Batches(source, Columns.from_pipeline(pipeline), ["click"], batch_size, strict)


def frame(**columns):
    rows = {"click": [1.0, 0.0, np.nan], "user": ["3", "5", "8"], "tags": ["1:2", "", "4:1|7:3"]}
    return pd.DataFrame({**rows, **columns})


def read(batches):
    return list(batches.read(batches.dataset()))


def test_a_batch_is_encoded_features_and_targets():
    (first, targets), (second, _) = read(open_batches(frame()))
    assert sorted(first) == ["tags", "tags/weights", "user"]
    np.testing.assert_array_equal(first["user"], [3, 5])
    assert second["tags"].to_list() == [[4, 7]]
    assert list(targets) == ["click"]


def test_a_cell_that_its_feature_cannot_read_is_an_error_with_the_feature_and_the_text():
    batches = open_batches(frame(tags=["1:2", "", "4:heavy"]))
    with pytest.raises(DataError) as error:
        read(batches)
    assert str(error.value).startswith("DataFrame.iloc[2]: Feature `tags` should read ")
    assert "Received: `4:heavy` in column `tags`." in str(error.value)


def test_such_a_cell_in_a_file_is_told_with_file_and_line(tmp_path):
    (tmp_path / "a.csv").write_text("click;user;tags\n1;3;1:2\n0;5;\n")
    (tmp_path / "b.csv").write_text("user;click;tags\n3;1;1:2\n8;1;4:heavy\n")
    pipeline = text_format.Parse(PIPELINE, pipeline_pb2.Pipeline())
    pipeline.data_config.with_header = True
    batches = open_batches(str(tmp_path), pipeline=pipeline)
    with pytest.raises(DataError, match=r"b\.csv:3: Feature `tags` should read "):
        list(batches.read(batches.dataset(shuffle=True)))


def test_without_strictness_such_a_cell_is_read_as_by_a_served_model():
    assert len(read(open_batches(frame(tags=["1:2", "", "4:heavy"]), strict=False))) == 2


def test_a_row_that_cannot_be_read_is_an_error_with_file_and_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("1;3;1:2\n0;5\n")
    with pytest.raises(DataError) as error:
        read(open_batches(str(path)))
    assert f"{path}" in str(error.value)
    assert "2" in str(error.value)


def test_a_graph_is_made_once_for_batches_of_every_size():
    batches, traces = open_batches(frame()), []

    def count(batch):
        traces.append(1)
        return batch[0]["user"]

    dataset = batches.dataset()
    step = step_function(count, dataset.element_spec)
    assert [step(batch).shape[0] for batch in batches.read(dataset)] == [2, 1]
    assert len(traces) == 1
