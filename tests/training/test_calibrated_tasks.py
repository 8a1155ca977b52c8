"""Calibrators fitted to a model's own answers, in each task's space and with its weights."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_pipeline import make_rows

from tfmtl.errors import ConfigError, DataError
from tfmtl.tasks.calibration import Calibration
from tfmtl.tasks.calibrators import Platt, Temperature
from tfmtl.training import calibrated_tasks
from tfmtl.training.build import build_model

BOTH = 'calibration { task_name: "ctr" platt {} } calibration { task_name: "cvr" temperature {} }'


@pytest.fixture
def calibrate(pipeline):
    """Calibrates a model with fresh weights; gives the tasks before and after, and the model."""

    def calibrate(data, export=BOTH, change=""):
        text_format.Merge(f"export_config {{ {export} }} {change}", pipeline)
        columns, model = build_model(pipeline)
        after = calibrated_tasks(pipeline, model.network, columns, model.tasks, data)
        return model.tasks, after, columns, model

    return calibrate


def answers(columns, model, data):
    """The logits of all rows by task, as a server would compute them."""
    raw = {
        name: tf.constant(data[name].to_numpy(object if spec.dtype == tf.string else None))
        for name, spec in columns.raw_signature().items()
    }
    logits = model.network(columns.encode(raw), training=False)
    return {task: each.numpy()[:, 0] for task, each in logits.items()}


def test_calibrators_are_fitted_to_the_rows_of_their_tasks_with_their_weights(calibrate):
    data = make_rows(150, seed=4)
    data["worth"] = np.where(data["click"] == 1, 3.0, 1.0)
    weigh = """data_config {
      sample_weight: "worth" input_fields { input_name: "worth" input_type: FLOAT }
    }"""
    before, (ctr, cvr), columns, model = calibrate(data, change=weigh)
    logits, bought = answers(columns, model, data), data["buy"].notna().to_numpy()
    platt, temperature = Platt(), Temperature()
    platt.fit(logits["ctr"], data["click"].to_numpy(), data["worth"].to_numpy())
    temperature.fit(
        logits["cvr"][bought], data["buy"].to_numpy()[bought], data["worth"].to_numpy()[bought]
    )
    fitted, other = ctr.calibration.calibrator, cvr.calibration.calibrator
    assert (fitted.a, fitted.b) == pytest.approx((platt.a, platt.b), rel=1e-3)
    assert other.temperature == pytest.approx(temperature.temperature, rel=1e-3)
    assert (ctr.calibration.rows, cvr.calibration.rows) == (150, bought.sum())
    assert [task.calibration for task in before] == [None, None]


def test_only_so_many_rows_are_read_as_are_evaluated(calibrate):
    _, (ctr, _), *_ = calibrate(make_rows(150, seed=4), change="eval_config { num_examples: 80 }")
    assert ctr.calibration.rows == 3 * 37


@pytest.mark.slow
def test_a_calibrator_comes_after_the_correction_for_dropped_negatives(calibrate, pipeline):
    """The level is the evaluation data's, whatever the rate; the rest of the line is the same."""
    data = make_rows(150, seed=4)
    _, (plain, _), *_ = calibrate(data)
    pipeline.model_config.shared_bottom.task_towers[0].negative_sampling_rate = 0.1
    pipeline.export_config.ClearField("calibration")
    _, (ctr, _), *_ = calibrate(data)
    one, other = plain.calibration.calibrator, ctr.calibration.calibrator
    assert other.a == pytest.approx(one.a, rel=1e-3)
    assert other.b + other.a * np.log(0.1) == pytest.approx(one.b, rel=1e-3, abs=1e-3)


def test_tasks_that_no_calibration_names_are_left_and_what_was_done_is_told(
    calibrate, caplog, monkeypatch
):
    caplog.set_level(logging.INFO, "tfmtl")
    monkeypatch.setattr(Calibration, "warnings", ["it is doubtful."])
    one = 'calibration { task_name: "cvr" platt {} }'
    before, after, *_ = calibrate(make_rows(150, seed=4), one)
    assert after[0] is before[0]
    told = [each for each in caplog.messages if "ask `cvr`" in each]
    assert told[0].startswith("Calibrated task `cvr`: platt (a ")
    assert told[1:] == ["Task `cvr`: it is doubtful."]


def test_several_classes_get_a_temperature(calibrate, pipeline):
    tower = pipeline.model_config.shared_bottom.task_towers[0]
    tower.num_class = 2
    del tower.metrics_set[:]
    data = make_rows(150, seed=4)
    one = 'calibration { task_name: "ctr" temperature {} }'
    _, (ctr, cvr), columns, model = calibrate(data, one)
    assert (ctr.calibration.calibrator.name, ctr.calibration.rows) == ("temperature", 150)
    assert cvr.calibration is None
    logits = np.ones((2, 2), np.float32) * [[1.0, -2.0]]
    expected = np.exp(logits / ctr.calibration.calibrator.temperature)
    np.testing.assert_allclose(
        ctr.predictions(logits)["probs_ctr"], expected / expected.sum(axis=1, keepdims=True), 1e-5
    )


def test_without_calibration_no_data_is_read(calibrate):
    before, after, *_ = calibrate(None, "")
    assert after == before


def test_no_data_is_told(calibrate):
    with pytest.raises(ConfigError, match="`eval_input_path` should name the data"):
        calibrate(None)
    with pytest.raises(DataError, match="row"):
        calibrate(make_rows(150, seed=4).iloc[:0])


def test_one_class_is_told(calibrate):
    data = make_rows(150, seed=4)
    data["click"] = 0.0
    with pytest.raises(DataError, match="task `ctr` should .* Received: 0 positive and 150 neg"):
        calibrate(data)


def test_a_label_that_is_none_is_told(calibrate):
    data = make_rows(150, seed=4)
    data.loc[140, "click"] = 7.0
    with pytest.raises(DataError, match=r"label of task `ctr` \(`click`\) should be from 0 to 1"):
        calibrate(data)
