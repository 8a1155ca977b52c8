"""What `python -m tfmtl.predict` makes of its options."""

import os
import types

import pytest

from tfmtl import commands, predict
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.pipeline_pb2 import Pipeline


@pytest.fixture
def asked(monkeypatch):
    """Stands for the rooms behind the command, and keeps what they were asked."""
    asked = {}

    def make_predictor(directory, batch_size, score_weights):
        asked["predictor"] = (directory, batch_size, score_weights)
        return types.SimpleNamespace(pipeline=Pipeline())

    def score_files(predictor, paths, output, **how):
        asked["files"] = (paths, str(output), how["outputs"])
        asked["reading"] = how["data_config"]
        return 7

    api = types.SimpleNamespace(Predictor=make_predictor, score_files=score_files)
    monkeypatch.setattr(commands, "load_api", lambda args: api)
    return asked


OPTIONS = ("--saved_model_dir", "m", "--input_path", "a.csv", "b.csv", "--output_path", "p.csv")


def test_weights_of_the_score_are_numbers_by_name(asked):
    assert predict.main([*OPTIONS, "--score_weights", "a=2", "b=-1e3"]) == 0
    assert asked["predictor"] == ("m", 4096, {"a": 2.0, "b": -1000.0})
    assert asked["files"] == ("a.csv,b.csv", "p.csv", None)


def test_without_weights_the_score_has_its_defaults(asked):
    predict.main([*OPTIONS, "--output_cols", "score"])
    assert asked["predictor"] == ("m", 4096, {})
    assert asked["files"][2] == ["score"]


@pytest.fixture
def model_dir(monkeypatch, tmp_path):
    """That of the config."""
    pipeline = Pipeline(model_dir=str(tmp_path))
    monkeypatch.setattr(commands, "load_pipeline", lambda args, needs: pipeline)
    return tmp_path


def test_the_newest_export_is_that_of_the_largest_number(asked, model_dir):
    """The other folder is younger: a version is being written there, or was pruned."""
    for path in ("final/10", "best/9", "latest/.tmp-11-1-host"):
        (model_dir / "export" / path).mkdir(parents=True)
    for age, kind in enumerate(["final", "best", "latest"]):
        os.utime(model_dir / "export" / kind, (age, age))
    predict.main(OPTIONS[2:])
    assert asked["predictor"][0] == model_dir / "export" / "final"


def test_where_nothing_is_exported_the_folder_of_all_exports_is_looked_into(asked, model_dir):
    predict.main(OPTIONS[2:])
    assert asked["predictor"][0] == model_dir / "export"


@pytest.mark.parametrize("text", ["a", "a=", "a=much"])
def test_a_weight_that_is_no_number_is_told(text, asked, capsys):
    with pytest.raises(SystemExit) as stopped:
        predict.main([*OPTIONS, "--score_weights", text])
    assert stopped.value.code == 2
    assert f"should be NAME=NUMBER; received: {text}" in capsys.readouterr().err


def test_files_may_be_read_in_another_way_than_the_training_data(asked):
    changes = ("--set", "data_config.input_type=ParquetInputV2", "--data_config.bad_rows", "SKIP")
    predict.main([*OPTIONS, *changes, "--with_header"])
    parquet, skip = DatasetConfig.ParquetInputV2, DatasetConfig.SKIP
    assert asked["reading"] == DatasetConfig(input_type=parquet, bad_rows=skip, with_header=True)


def test_a_change_that_cannot_be_made_is_told(asked, capsys):
    assert predict.main([*OPTIONS, "--set", "data_config.input_tipe=CSVInput"]) == 2
    assert "`data_config.input_tipe` is not a field" in capsys.readouterr().err
