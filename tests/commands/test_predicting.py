"""What `python -m tfmtl.predict` makes of its options."""

import types

import pytest

from tfmtl import commands, predict
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


@pytest.mark.parametrize("text", ["a", "a=", "a=much"])
def test_a_weight_that_is_no_number_is_told(text, asked, capsys):
    with pytest.raises(SystemExit) as stopped:
        predict.main([*OPTIONS, "--score_weights", text])
    assert stopped.value.code == 2
    assert f"should be NAME=NUMBER; received: {text}" in capsys.readouterr().err
