from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_model import ROWS

from tfmtl.errors import ConfigError, DataError
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.serving import Predictor
from tfmtl.serving.score_files import score_files

LINES = [
    ["u1", "rome", "0", "a|b", "0.0", "0.5|1", "8"],
    ["u2", "oslo", "6", "", "2.5", "3|4", "8"],
    ["", "nowhere", "99", "c", "10.0", "", "8"],
    ["u1", "", "-1", "a|a|z", "7.25", "1", "8"],
]
LABELS = ["1", "", "2.5", "0.5"]
COLUMNS = ["user", "city", "level", "tags", "price", "vector", "unused"]


@pytest.fixture(scope="module")
def predictor(exported):
    return Predictor(exported, batch_size=3)


@pytest.fixture
def expected(predictor):
    frame = pd.DataFrame(ROWS)
    return predictor.predict(frame)


def write(path, lines):
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    return str(path)


def test_rows_are_scored_in_their_order_and_keep_the_columns_asked_for(
    predictor, expected, tmp_path
):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", [[*line, *LABELS] for line in LINES])
    count = score_files(
        predictor,
        f"{tmp_path}/b.csv,{tmp_path}/a.csv",
        tmp_path / "out.csv",
        reserved=["level", "click", "user"],
        outputs=["y_stay", "probs_ctr"],
    )
    assert count == 8
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert list(written.columns) == ["level", "click", "user", "y_stay", "probs_ctr"]
    assert written["user"].tolist() == ["u1", "u2", "", "u1"] * 2
    assert written["level"].tolist() == [0, 6, 99, -1] * 2
    labels = [line.split(",")[1] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]]
    assert labels == [LABELS[0]] * 8  # 1, and not the 1.0 that training reads.
    np.testing.assert_allclose(written["y_stay"], np.tile(expected["y_stay"], 2), rtol=1e-5)


def test_all_columns_are_kept_by_default_and_labels_may_be_absent(predictor, expected, tmp_path):
    data = write(tmp_path / "rows.csv", LINES)
    score_files(predictor, data, tmp_path / "out.parquet")
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert list(written.columns) == [*COLUMNS, *expected.columns]
    np.testing.assert_allclose(
        np.stack(written["probs_rating"]), np.stack(expected["probs_rating"]), rtol=1e-5
    )


def test_files_with_a_header_may_have_any_order_and_more_columns(predictor, expected, tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    lines = [[COLUMNS[i] for i in order], *([line[i] for i in order] for line in LINES)]
    data = write(
        tmp_path / "rows.csv", [["more", *lines[0]], *(["?", *line] for line in lines[1:])]
    )
    data_config = DatasetConfig()
    data_config.CopyFrom(predictor.pipeline.data_config)
    data_config.with_header = True
    score_files(predictor, data, tmp_path / "out.csv", reserved=[], data_config=data_config)
    written = pd.read_csv(tmp_path / "out.csv")
    assert list(written.columns) == list(expected.columns)
    np.testing.assert_allclose(written["probs_ctr"], expected["probs_ctr"], rtol=1e-5)


def test_an_unknown_prediction_is_told(predictor, tmp_path):
    data = write(tmp_path / "rows.csv", LINES)
    with pytest.raises(
        DataError,
        match="`output_cols` should name predictions of the model: .* Received: `probs_cvr`",
    ):
        score_files(predictor, data, tmp_path / "out.csv", outputs=["probs_cvr"])


def test_an_unknown_column_is_told(predictor, tmp_path):
    data = write(tmp_path / "rows.csv", LINES)
    with pytest.raises(ConfigError, match=r"no column `usr` \(nearest: `user`\)"):
        score_files(predictor, data, tmp_path / "out.csv", reserved=["usr"])


def test_a_label_to_keep_that_the_data_lacks_is_told(predictor, tmp_path):
    data = write(tmp_path / "rows.csv", LINES)
    with pytest.raises(
        DataError, match="`reserved_cols` should name columns of the data: .* Received: `click`"
    ):
        score_files(predictor, data, tmp_path / "out.csv", reserved=["click"])


def test_bad_rows_may_be_left_out_and_are_counted(predictor, tmp_path, caplog):
    lines = [LINES[0], ["u5", "rome", "six", "", "1", "", "8"], LINES[1]]
    data = write(tmp_path / "rows.csv", lines)
    data_config = DatasetConfig()
    data_config.CopyFrom(predictor.pipeline.data_config)
    data_config.bad_rows = DatasetConfig.SKIP
    assert score_files(predictor, data, tmp_path / "out.csv", data_config=data_config) == 2
    assert pd.read_csv(tmp_path / "out.csv")["user"].tolist() == ["u1", "u2"]
    assert "1 bad rows were left out." in caplog.text


def test_a_bad_row_is_told_and_no_file_is_left(predictor, tmp_path):
    lines = [*LINES, ["u5", "rome", "six", "", "1", "", "8"]]
    data = write(tmp_path / "rows.csv", lines)
    with pytest.raises(DataError, match=f"{data}:5: .*level.*six"):
        score_files(predictor, data, tmp_path / "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]


def test_the_data_is_not_overwritten(predictor, tmp_path, monkeypatch):
    data = write(tmp_path / "rows.csv", LINES)
    before = (tmp_path / "rows.csv").read_bytes()
    monkeypatch.chdir(tmp_path)
    for paths, output in [(data, tmp_path / "rows.csv"), (str(tmp_path), Path("rows.csv"))]:
        with pytest.raises(DataError) as error:
            score_files(predictor, paths, output)
        assert str(error.value) == (
            "The file of predictions should be another than the data. "
            f"Received: `{output}` is both."
        )
    assert (tmp_path / "rows.csv").read_bytes() == before
