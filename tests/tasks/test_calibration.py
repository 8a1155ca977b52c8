"""Fitting a calibrator to a task: what it is worth, and what is too little to fit to."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.errors import DataError
from tfmtl.tasks import BinaryHead, SampleSpace, Task
from tfmtl.tasks.calibration import fit_calibration
from tfmtl.tasks.calibrators import Isotonic, Platt
from tfmtl.tasks.space import ColumnLabel


def rows(count=2000, seed=1):
    """Logits that are twice as large as the true log-odds."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 2.0, count).astype("float32")
    labels = (random.random(count) < 1 / (1 + np.exp(-logits / 2))).astype("float32")
    return logits, labels, np.ones(count, np.float32)


def logloss(logits, labels):
    return np.mean(np.logaddexp(0, np.float64(logits)) - labels * logits)


def test_it_tells_what_it_is_worth():
    logits, labels, weights = rows()
    calibration = fit_calibration("ctr", Platt(), logits, labels, weights)
    platt = Platt()
    platt.fit(logits, labels, weights)
    assert calibration.calibrator.parameters == platt.parameters
    assert calibration.rows == 2000
    assert calibration.before["logloss"] == pytest.approx(logloss(logits, labels), rel=1e-5)
    assert calibration.after["logloss"] < calibration.before["logloss"] - 0.02
    assert calibration.after["ece"] < calibration.before["ece"] / 2
    assert calibration.after["copc"] == pytest.approx(1.0, abs=0.05)


def test_what_it_is_worth_is_not_of_rows_that_were_fitted():
    """Labels of pure chance, which blocks of a few rows each can follow."""
    random = np.random.default_rng(3)
    logits = np.arange(200, dtype=np.float32)
    labels = (random.random(200) < 0.5).astype(np.float32)
    calibration = fit_calibration("ctr", Isotonic(), logits, labels, np.ones(200, np.float32))
    assert logloss(calibration(tf.constant(logits)), labels) < np.log(2)
    assert calibration.after["logloss"] > np.log(2)


def test_a_calibrator_that_makes_it_worse_is_told():
    random = np.random.default_rng(3)
    logits = random.normal(0.0, 0.01, 100).astype(np.float32)  # Right, as far as one can tell.
    labels = (random.random(100) < 0.5).astype(np.float32)
    calibration = fit_calibration("ctr", Isotonic(), logits, labels, np.ones(100, np.float32))
    assert list(calibration.warnings) == [
        "the calibrator makes logloss worse on rows that it was not fitted to. Evaluate on more "
        "rows, choose a method of fewer parameters, or leave the task out of "
        "`export_config.calibration`."
    ]
    assert list(fit_calibration("ctr", Platt(), *rows()).warnings) == []


def test_a_model_that_ranks_wrongly_is_told():
    logits, labels, weights = rows()
    calibration = fit_calibration("ctr", Platt(), -logits, labels, weights)
    assert calibration.calibrator.a < 0
    assert list(calibration.warnings) == [
        "the calibrator ranks rows the other way round, because the model ranks them wrongly. Look "
        "at the task's AUC on the evaluation data."
    ]


def test_rows_of_weight_0_are_left_out():
    logits, labels, weights = rows(300)
    inside = fit_calibration("ctr", Platt(), logits[:200], labels[:200], weights[:200])
    weights[200:] = 0.0
    labels[200:] = 1.0
    logits[200:] = np.nan
    assert fit_calibration("ctr", Platt(), logits, labels, weights).as_json() == inside.as_json()


def test_it_is_json_and_words():
    calibration = fit_calibration("ctr", Platt(), *rows())
    written = json.loads(json.dumps(calibration.as_json()))
    assert list(written) == ["method", "a", "b", "rows", "before", "after"]
    assert written["method"] == "platt"
    assert str(calibration).startswith("platt (a 0.4")
    assert " on 2,000 rows · logloss 0." in str(calibration)
    assert "→" in str(calibration)


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        (np.zeros(500), "0 positive and 500 negative rows"),
        (np.ones(500), "500 positive and 0 negative rows"),
        (np.repeat([1.0, 0.0], [9, 491]), "9 positive and 491 negative rows"),
        (np.zeros(0), "0 positive and 0 negative rows"),
    ],
)
def test_too_few_rows_of_a_class_are_told(labels, counts):
    with pytest.raises(DataError) as error:
        fit_calibration("ctr", Platt(), np.zeros(len(labels)), labels, np.ones(len(labels)))
    assert str(error.value) == (
        "A calibrator of task `ctr` should be fitted to 10 positive and 10 negative rows or more. "
        f"Received: {counts} in its sample space. Evaluate on more rows (`eval_input_path`, "
        "`eval_config.num_examples`), or leave the task out of `export_config.calibration`."
    )


def test_a_broken_model_is_told():
    logits, labels, weights = rows(100)
    logits[7] = np.nan
    with pytest.raises(DataError) as error:
        fit_calibration("ctr", Platt(), logits, labels, weights)
    assert str(error.value) == (
        "A calibrator of task `ctr` should be fitted to finite logits. Received: nan. Export a "
        "checkpoint of before the model broke."
    )


def test_a_calibrated_task_serves_and_measures_calibrated_logits_and_learns_as_before():
    task = Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click")), metrics={"logloss": {}})
    calibrated = task.calibrated(fit_calibration("ctr", Platt(), *rows()))
    logits, targets = tf.constant([[1.0], [-2.0]]), {"click": tf.constant([1.0, 0.0])}
    platt = calibrated.calibration.calibrator
    expected = platt.a * np.array([1.0, -2.0]) + platt.b
    served = calibrated.predictions(logits)
    np.testing.assert_allclose(served["logits_ctr"], expected, rtol=1e-6)
    np.testing.assert_allclose(served["probs_ctr"], 1 / (1 + np.exp(-expected)), rtol=1e-6)
    (metric,) = calibrated.new_metrics()
    calibrated.update_metrics([metric], logits, targets)
    assert float(metric.result()) == pytest.approx(logloss(expected, [1.0, 0.0]), rel=1e-6)
    assert float(calibrated.loss(logits, targets)) == float(task.loss(logits, targets))
    np.testing.assert_allclose(task.predictions(logits)["logits_ctr"], [1.0, -2.0])


def test_binary_tasks_have_reliability_tables_in_their_space():
    task = Task("ctr", BinaryHead(), SampleSpace(ColumnLabel("click")))
    table = task.new_reliability(4)
    targets = {"click": tf.constant([1.0, np.nan, 0.0])}
    label, weight = task.space.rows(targets)
    task.update_reliability(table, label, tf.constant([[0.0], [3.0], [0.0]]), weight)
    assert table.result() == [(2, 2.0, 0.5, 0.5, 1.0)]
    assert task.new_reliability(0) is None
