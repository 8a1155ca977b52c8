"""The same road in Python, on DataFrames."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest

import tfmtl

pytestmark = pytest.mark.slow


@pytest.fixture
def load(make_config):
    """Loads the config, without its paths to data, and with something changed."""

    def load(**overrides):
        path = make_config()
        text = path.read_text().splitlines()
        path.write_text("\n".join(line for line in text if "input_path" not in line))
        changes = {name.replace("__", "."): value for name, value in overrides.items()}
        return tfmtl.load_config(path, {"train_config.num_steps": 40, **changes})

    return load


@pytest.fixture
def frames(data):
    return pd.read_csv(data / "train-0.csv"), pd.read_csv(data / "eval.csv")


def versions(pipeline, kind):
    return [path.name for path in pathlib.Path(pipeline.model_dir, "export").glob(f"{kind}/[0-9]*")]


def test_a_frame_is_trained_on_measured_and_predicted(load, frames):
    train, evaluation = frames
    pipeline = load()
    result = tfmtl.train(pipeline, train, evaluation)
    assert result.global_step == 40
    measured = tfmtl.evaluate(pipeline, evaluation)
    assert measured == {"global_step": 40, **result.metrics}
    predictor = tfmtl.Predictor(f"{pipeline.model_dir}/export/final")
    scores = predictor.predict(evaluation.drop(columns=["click", "buy"]))
    clicked = evaluation["click"] == 1
    assert scores["probs_ctr"][clicked].mean() > scores["probs_ctr"][~clicked].mean()
    folder = tfmtl.export(pipeline)
    again = tfmtl.Predictor(folder).predict(evaluation)
    np.testing.assert_array_equal(again["probs_cvr"], scores["probs_cvr"])


@pytest.mark.parametrize(("kind", "keep", "left"), [("latest", 2, 2), ("latest", 1, 1)])
def test_latest_exports_after_every_evaluation_and_keeps_some(load, frames, kind, keep, left):
    pipeline = load(
        export_config__exporter_type=kind,
        export_config__exports_to_keep=keep,
        train_config__save_checkpoints_steps=15,
    )
    tfmtl.train(pipeline, *frames)
    assert len(versions(pipeline, "latest")) == left


def test_best_exports_the_model_of_the_best_evaluation(load, frames):
    # A rate this large unlearns in the end what it learned at first.
    pipeline = load(
        export_config__exporter_type="best",
        export_config__best_exporter_metric="loss",
        train_config__save_checkpoints_steps=20,
        train_config__num_steps=60,
    )
    result = tfmtl.train(pipeline, *frames)
    (version,) = versions(pipeline, "best")
    best = tfmtl.evaluate(pipeline, frames[1], checkpoint="best")
    assert best["global_step"] == result.best_step
    scores = tfmtl.Predictor(f"{pipeline.model_dir}/export/best/{version}").predict(frames[1])
    click = frames[1]["click"].to_numpy()
    p = scores["probs_ctr"].to_numpy(np.float64)
    logloss = -np.mean(np.where(click == 1, np.log(p), np.log1p(-p)))
    assert logloss == pytest.approx(best["loss_ctr"], rel=1e-4)


def test_none_exports_nothing_and_without_evaluation_best_exports_at_the_end(load, frames):
    pipeline = load(export_config__exporter_type="none")
    tfmtl.train(pipeline, frames[0])
    assert versions(pipeline, "none") == []
    pipeline = load(export_config__exporter_type="latest")
    tfmtl.train(pipeline, frames[0])
    assert len(versions(pipeline, "latest")) == 1


def test_what_is_missing_is_a_config_error(load, frames):
    with pytest.raises(tfmtl.ConfigError, match="train_input_path"):
        tfmtl.train(load())
    with pytest.raises(tfmtl.ConfigError, match="eval_input_path"):
        tfmtl.evaluate(load())
    pipeline = load()
    pipeline.model_config.mmoe.num_expert = 0
    with pytest.raises(tfmtl.ConfigError, match="num_expert` should be at least 1"):
        tfmtl.train(pipeline, *frames)


def test_a_cell_that_is_no_number_is_a_data_error(load, frames):
    train, evaluation = frames
    train["hour"] = train["hour"].astype(object)
    train.loc[7, "hour"] = "noon"
    with pytest.raises(tfmtl.DataError, match=r"DataFrame.iloc\[7\]: .*noon"):
        tfmtl.train(load(), train, evaluation)


def test_metrics_are_numbers_that_json_takes(load, frames):
    pipeline = load()
    result = tfmtl.train(pipeline, *frames)
    assert json.loads(json.dumps(result.metrics)) == result.metrics


def test_what_needs_evaluations_asks_for_data_from_the_config_or_a_frame(load, frames, data):
    train, evaluation = frames
    pipeline = load(export_config__exporter_type="best", train_config__num_steps=2)
    with pytest.raises(tfmtl.ConfigError, match="`eval_input_path` should name the files"):
        tfmtl.train(pipeline, train)
    pipeline.train_input_path = str(data / "train-0.csv")
    assert tfmtl.train(pipeline, eval_data=evaluation).best_step == 2
