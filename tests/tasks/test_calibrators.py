"""Calibrators against scikit-learn, known answers and what must be true of every one."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tfmtl.tasks.calibrators import (
    Isotonic,
    Platt,
    Temperature,
    limit_slope,
    pool_adjacent_violators,
)

KINDS = [Platt, Temperature, Isotonic]


def sigmoid(c):
    return 1 / (1 + np.exp(-np.asarray(c, np.float64)))


def rows(count=4000, a=1.0, b=0.0, seed=1):
    """Logits whose true log-odds are a·c + b."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1.0, 1.5, count).astype("float32")
    labels = (random.random(count) < sigmoid(a * logits + b)).astype("float32")
    return logits, labels, random.uniform(0.5, 2.0, count).astype("float32")


def fitted(calibrator, logits, labels, weights):
    calibrator.fit(logits, labels, weights)
    return calibrator


def logloss(logits, labels, weights):
    logits = np.asarray(logits, np.float64)
    return np.average(np.logaddexp(0, logits) - labels * logits, weights=weights)


def test_platt_is_a_logistic_regression_on_smoothed_labels():
    logits, labels, weights = rows(300, a=0.5, b=0.8)
    n1, n0 = (weights * labels).sum(), (weights * (1 - labels)).sum()
    targets = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    # A row of a soft label is a positive and a negative one, of weights that sum to its own.
    twice = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(
        np.tile(logits, 2)[:, None],
        np.repeat([1, 0], 300),
        np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    platt = fitted(Platt(), logits, labels, weights)
    assert platt.a == pytest.approx(twice.coef_[0, 0], rel=1e-4)
    assert platt.b == pytest.approx(twice.intercept_[0], rel=1e-4)


def test_platt_finds_the_line_that_the_labels_follow():
    platt = fitted(Platt(), *rows(40_000, a=0.5, b=-0.7))
    assert (platt.a, platt.b) == pytest.approx((0.5, -0.7), abs=0.05)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_platt_does_not_depend_on_the_scale_of_logits(scale):
    logits, labels, weights = rows(500, a=0.5, b=0.3)
    one = fitted(Platt(), logits, labels, weights)
    other = fitted(Platt(), np.float64(logits) * scale, labels, weights)
    assert (other.a * scale, other.b) == pytest.approx((one.a, one.b), rel=1e-6)


def test_platt_of_equal_logits_only_moves_them():
    labels = np.repeat([1.0, 0.0], [30, 70])
    platt = fitted(Platt(), np.full(100, 2.0), labels, np.ones(100))
    expected = 0.3 * 31 / 32 + 0.7 / 72
    assert platt.a == 1.0
    assert sigmoid(platt(tf.constant(2.0))) == pytest.approx(expected, rel=1e-6)


def test_platt_of_separated_classes_is_finite():
    platt = fitted(Platt(), np.repeat([-1.0, 1.0], 20), np.repeat([0.0, 1.0], 20), np.ones(40))
    assert sigmoid(platt(tf.constant(1.0))) == pytest.approx(21 / 22, rel=1e-6)


def test_temperature_has_the_least_logloss_of_all():
    logits, labels, weights = rows(500, a=0.4)
    temperature = fitted(Temperature(), logits, labels, weights).temperature
    grid = np.geomspace(0.1, 10, 2001)
    losses = [logloss(logits / each, labels, weights) for each in grid]
    assert temperature == pytest.approx(grid[np.argmin(losses)], rel=5e-3)


def test_temperature_ends_at_its_bounds():
    signs = np.repeat([-1e-3, 1e-3], 20)
    right = fitted(Temperature(), signs, np.repeat([0.0, 1.0], 20), np.ones(40))
    wrong = fitted(Temperature(), signs, np.repeat([1.0, 0.0], 20), np.ones(40))
    assert (right.temperature, wrong.temperature) == (0.01, 100.0)


def test_temperature_of_logits_0_is_1():
    temperature = fitted(Temperature(), np.zeros(4), np.array([0, 1, 1, 1]), np.ones(4))
    assert temperature.temperature == 1.0


@pytest.mark.parametrize("decimals", [0, 1, 6])  # With many ties, few and none.
def test_isotonic_is_that_of_scikit_learn(decimals):
    logits, labels, weights = rows(800, a=0.5)
    logits = logits.round(decimals)
    reference = IsotonicRegression().fit(logits, labels, sample_weight=weights)
    isotonic = fitted(Isotonic(max_blocks=800, steepest=np.inf), logits, labels, weights)
    expected, actual = reference.predict(logits), sigmoid(isotonic(tf.constant(logits)))
    inner = (expected > 0) & (expected < 1)
    assert inner.mean() > 0.8
    np.testing.assert_allclose(actual[inner], expected[inner], atol=1e-5)


def test_isotonic_is_straight_between_blocks_and_constant_beyond():
    isotonic = fitted(
        Isotonic(), np.repeat([1.0, 3.0], 4), np.array([0, 0, 0, 1, 0, 1, 1, 1]), np.ones(8)
    )
    low, high = np.log(1 / 3), np.log(3)
    values = isotonic(tf.constant([-9.0, 1.0, 2.0, 2.5, 3.0, 9.0]))
    np.testing.assert_allclose(values, [low, low, 0.0, high / 2, high, high], atol=1e-6)


def test_isotonic_joins_blocks_and_keeps_the_sum_of_labels():
    logits, labels, weights = rows(3000, a=1.5)
    isotonic = fitted(Isotonic(max_blocks=4, steepest=np.inf), logits, labels, weights)
    assert len(isotonic.x) <= 8
    predicted = sigmoid(isotonic(tf.constant(logits)))
    assert (weights * predicted).sum() == pytest.approx((weights * labels).sum(), rel=1e-3)
    assert len(np.unique(predicted.round(5))) == 4


def test_isotonic_does_not_show_the_rounding_of_logits():
    logits, labels, weights = rows(3000)
    isotonic = fitted(Isotonic(), logits, labels, weights)
    assert np.max(np.diff(isotonic.y) / np.diff(isotonic.x)) <= 20 + 1e-6
    assert np.all(np.diff(isotonic.y) >= 0)
    one, other = (sigmoid(isotonic(tf.constant(each))) for each in (logits, logits + 1e-6))
    assert np.abs(one - other).max() <= 20 / 4 * 2e-6


def test_isotonic_of_logits_that_hardly_differ_keeps_the_sum_of_labels():
    logits, labels, weights = rows(3000)
    isotonic = fitted(Isotonic(), logits / 50, labels, weights)
    predicted = sigmoid(isotonic(tf.constant(logits / 50)))
    assert (weights * predicted).sum() == pytest.approx((weights * labels).sum(), rel=1e-4)


def test_a_steep_step_is_stretched_around_its_middle():
    x, y = limit_slope(np.array([0.0, 4.0, 4.01, 8.0]), np.array([0.0, 0.0, 2.0, 2.0]), 2.0)
    values = np.interp([0.0, 3.005, 3.505, 4.005, 4.505, 5.005, 8.0], x, y)
    np.testing.assert_allclose(values, [0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.0], atol=0.01)


def test_slopes_that_are_not_too_steep_stay():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    for each, own in zip(limit_slope(x, y, 1.0), (x, y), strict=True):
        np.testing.assert_array_equal(each, own)


def test_isotonic_of_one_value_is_the_mean_label():
    isotonic = fitted(Isotonic(), np.full(4, 7.0), np.array([0, 1, 0, 0]), np.ones(4))
    values = isotonic(tf.constant([7.0, -3.0, np.nan]))
    np.testing.assert_allclose(values[:2], np.log([1 / 3] * 2), rtol=1e-6)
    assert np.isnan(values[2])


def test_blocks_of_one_class_count_half_a_row_of_the_other():
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    isotonic = fitted(Isotonic(), np.arange(8.0), labels, np.full(8, 2.0))
    p = sigmoid(isotonic(tf.constant([0.0, 3.0, 4.0, 7.0])))
    np.testing.assert_allclose(p, [0.5 / 7, 0.5, 0.5, 1 - 0.5 / 7], rtol=1e-6)


def test_blocks_of_one_class_do_not_pass_the_next():
    """A lone negative row could be any; the block after it says that it is below 1 in 50."""
    labels = np.zeros(51)
    labels[25] = 1.0
    isotonic = fitted(Isotonic(), np.repeat([0.0, 1.0], [1, 50]), labels, np.ones(51))
    np.testing.assert_allclose(sigmoid(isotonic(tf.constant([0.0, 1.0]))), [0.02] * 2, rtol=1e-5)


def test_isotonic_needs_two_blocks():
    with pytest.raises(ValueError, match="`max_blocks` should be at least 2. Received: 1."):
        Isotonic(max_blocks=1)


def test_violators_are_pooled():
    starts, values, weights = pool_adjacent_violators(
        np.array([0.1, 0.5, 0.3, 0.2, 0.9]), np.array([1.0, 1.0, 2.0, 1.0, 3.0])
    )
    assert starts.tolist() == [0, 1, 4]
    assert values.tolist() == pytest.approx([0.1, (0.5 + 0.6 + 0.2) / 4, 0.9])
    assert weights.tolist() == [1.0, 4.0, 3.0]


@pytest.mark.parametrize("kind", KINDS)
def test_unfitted_is_the_identity(kind):
    logits = tf.constant([[-3.0, 0.0], [1.5, 40.0]])
    np.testing.assert_array_equal(kind()(logits), logits)


@pytest.mark.parametrize(("kind", "atol"), [(Platt, 0.01), (Temperature, 0.01), (Isotonic, 0.05)])
def test_a_calibrated_model_is_left_nearly_as_it_is(kind, atol):
    random = np.random.default_rng(2)
    logits = random.normal(-1.0, 1.5, 50_000)
    labels = (random.random(50_000) < sigmoid(logits)).astype("float32")
    calibrator = fitted(kind(), logits, labels, np.ones(50_000))
    inner = np.linspace(-3.5, 1.5, 50)
    np.testing.assert_allclose(sigmoid(calibrator(tf.constant(inner))), sigmoid(inner), atol=atol)


@pytest.mark.parametrize("kind", KINDS)
def test_logloss_becomes_less_and_order_stays(kind):
    logits, labels, weights = rows(a=0.4, b=0.2)
    calibrator = fitted(kind(), logits, labels, weights)
    calibrated = calibrator(tf.constant(logits)).numpy()
    assert logloss(calibrated, labels, weights) < logloss(logits, labels, weights)
    assert (np.diff(calibrated[np.argsort(logits)]) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_so_many_rows(kind):
    logits, labels, _ = rows(200, a=0.5)
    times = np.random.default_rng(5).integers(1, 4, 200)
    weighed = fitted(kind(), logits, labels, times)
    copied = fitted(
        kind(), *(np.repeat(each, times) for each in (logits, labels)), np.ones(sum(times))
    )
    points = tf.linspace(-4.0, 3.0, 30)
    np.testing.assert_allclose(weighed(points), copied(points), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_is_not_hidden(kind):
    calibrator = fitted(kind(), *rows(300))
    values = calibrator(tf.constant([np.nan, np.inf, -np.inf, 0.0])).numpy()
    assert np.isnan(values).tolist() == [True, False, False, False]
    assert values[1] > values[3] > values[2]


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_type_are_kept(kind):
    calibrator = fitted(kind(), *rows(300))
    logits = tf.constant([[0.5], [-2.0], [3.0]])
    result = tf.function(calibrator)(logits)
    assert (result.shape, result.dtype) == ((3, 1), tf.float32)
    np.testing.assert_allclose(result[:, 0], calibrator(logits[:, 0]), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_json(kind):
    calibrator = fitted(kind(), *rows(300))
    assert json.loads(json.dumps(calibrator.parameters)) == calibrator.parameters


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Platt, "platt (a 1, b 0)"),
        (Temperature, "temperature (1)"),
        (Isotonic, "isotonic (0 knots)"),
    ],
)
def test_it_is_told_in_words(kind, words):
    assert str(kind()) == words
