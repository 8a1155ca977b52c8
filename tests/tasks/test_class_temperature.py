"""One temperature for several classes: known answers, and what it is worth."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tfmtl.errors import DataError
from tfmtl.tasks import MultiClassHead, SampleSpace, Task
from tfmtl.tasks.calibration import fit_calibration
from tfmtl.tasks.calibrators import Temperature
from tfmtl.tasks.class_temperature import ClassTemperature, likeliest
from tfmtl.tasks.space import ColumnLabel


def rows(count=3000, temperature=2.5, classes=3, seed=1):
    """Logits that are `temperature` times those that the labels follow."""
    random = np.random.default_rng(seed)
    true = random.normal(size=(count, classes))
    labels = (softmax(true, axis=1).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    weights = random.uniform(0.5, 2.0, count).astype("float32")
    return (temperature * true).astype("float32"), labels.astype("float32"), weights


def loss(logits, labels, weights, temperature):
    log_p = log_softmax(np.float64(logits) / temperature, axis=1)
    return -np.average(log_p[np.arange(len(labels)), labels.astype(int)], weights=weights)


@pytest.mark.parametrize("temperature", [0.2, 2.5, 30.0])
def test_it_is_the_temperature_of_least_logloss(temperature):
    given = rows(temperature=temperature)
    fitted = ClassTemperature()
    fitted.fit(*given)
    best = minimize_scalar(lambda log_t: loss(*given, np.exp(log_t)), (-3, 4), tol=1e-10)
    assert fitted.temperature == pytest.approx(np.exp(best.x), rel=1e-5)
    assert fitted.temperature == pytest.approx(temperature, rel=0.1)


def test_of_two_classes_it_is_that_of_the_log_odds():
    logits, labels, weights = rows(classes=2)
    both, one = ClassTemperature(), Temperature()
    both.fit(logits, labels, weights)
    one.fit(logits[:, 1] - logits[:, 0], labels, weights)
    assert both.temperature == pytest.approx(one.temperature, rel=1e-5)


@pytest.mark.parametrize(("shift", "least", "most"), [(0, 0.01, 0.1), (1, 99, 100)])
def test_it_stays_within_bounds_where_all_rows_are_right_or_wrong(shift, least, most):
    labels = np.arange(15) % 3
    fitted = ClassTemperature()
    fitted.fit(np.eye(3)[labels - shift], labels, np.ones(15))
    assert least <= fitted.temperature <= most


def test_equal_logits_have_no_temperature_of_their_own():
    fitted = ClassTemperature()
    fitted.fit(np.zeros((20, 3)), np.arange(20) % 3, np.ones(20))
    assert 0.01 <= fitted.temperature <= 100.0


def test_the_likeliest_class_is_an_event_of_its_own():
    logits = np.array([[1.0, 3.0, -2.0], [50.0, 0.0, 0.0]], np.float32)
    log_odds, is_right = likeliest(logits, np.array([1.0, 2.0]))
    p = softmax(np.float64(logits), axis=1).max(axis=1)
    np.testing.assert_allclose(log_odds[0], np.log(p[0] / (1 - p[0])), rtol=1e-6)
    np.testing.assert_allclose(log_odds[1], 50 - np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(is_right, [1, 0])


def test_it_tells_what_it_is_worth():
    given = rows()
    calibration = fit_calibration("level", ClassTemperature(), *given)
    assert calibration.before["logloss"] == pytest.approx(loss(*given, 1.0), rel=1e-5)
    assert calibration.after["logloss"] < calibration.before["logloss"] - 0.05
    # The likeliest class is right as often as it is told to be.
    right = np.average(given[0].argmax(axis=1) == given[1], weights=given[2])
    p = np.average(softmax(given[0], axis=1).max(axis=1), weights=given[2])
    assert calibration.before["copc"] == pytest.approx(right / p, rel=1e-5)
    assert calibration.after["copc"] == pytest.approx(1.0, abs=0.05)
    assert calibration.after["ece"] < calibration.before["ece"] / 2
    assert list(calibration.warnings) == []
    assert str(calibration).startswith("temperature (2.")


def test_predictions_are_of_the_logits_over_the_temperature():
    calibration = fit_calibration("level", ClassTemperature(), *rows())
    task = Task("level", MultiClassHead(3), SampleSpace(ColumnLabel("age")))
    logits = np.array([[1.0, 3.0, -2.0]], np.float32)
    served = task.calibrated(calibration).predictions(tf.constant(logits))
    expected = softmax(logits / calibration.calibrator.temperature, axis=1)
    np.testing.assert_allclose(served["probs_level"], expected, rtol=1e-5)
    assert served["y_level"].numpy() == task.predictions(tf.constant(logits))["y_level"].numpy()


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (np.repeat([0.0, 2.0], [40, 9]), "40 of class 0, 9 of class 2"),
        (np.zeros(0), "no row"),
    ],
)
def test_too_few_rows_of_two_classes_are_told(labels, received):
    with pytest.raises(DataError) as error:
        logits = np.zeros((len(labels), 3))
        fit_calibration("level", ClassTemperature(), logits, labels, np.ones(len(labels)))
    assert str(error.value) == (
        "A calibrator of task `level` should be fitted to 10 rows or more of two classes. "
        f"Received: {received} in its sample space. Evaluate on more rows (`eval_input_path`, "
        "`eval_config.num_examples`), or leave the task out of `export_config.calibration`."
    )
