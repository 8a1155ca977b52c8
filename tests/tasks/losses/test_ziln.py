"""The zero-inflated log-normal against loops over rows."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.losses import ZILNLoss, ziln

VALUE = np.array([0, 12.5, 0, 0.4, 0, 300.0, 0, 7.0, 1.0, 0], np.float32)


def sigma(raw, largest=5.0):
    return np.clip(np.logaddexp(0, raw), np.sqrt(1e-7), largest)


def expected(rows, label, logits, a=1.0, b=1.0, on_mu=0.01, on_sigma=0.01):
    entropy, density, mu_squares, raw_squares = [], [], [], []
    for y, (c, mu, raw), w in zip(label, np.float64(logits), rows.weight, strict=True):
        if not w:
            continue
        positive = float(y > 0)
        entropy.append(w * (positive * np.logaddexp(0, -c) + (1 - positive) * np.logaddexp(0, c)))
        mu_squares.append(w * mu**2)
        raw_squares.append(w * raw**2)
        if y > 0:
            s = sigma(raw)
            z = (np.log(np.float64(y)) - mu) / s
            density.append(w * (np.log(y) + np.log(s) + np.log(2 * np.pi) / 2 + z**2 / 2))
    return (
        a * np.mean(entropy)
        + b * (np.mean(density) if density else 0)
        + on_mu * np.mean(mu_squares)
        + on_sigma * np.mean(raw_squares)
    )


def test_loss_is_likelihood_and_penalties(rows, run):
    value, slope = run(ZILNLoss(), VALUE, rows.logits, rows.weight)
    assert value == pytest.approx(expected(rows, VALUE, rows.logits), rel=1e-5)
    assert np.all(np.any(slope != 0, axis=0))


def test_parts_have_their_weights(rows, run):
    loss = ZILNLoss(5.0, 0.3, 2.0, 0.5, 0.7)
    value, _ = run(loss, VALUE, rows.logits, rows.weight)
    assert value == pytest.approx(expected(rows, VALUE, rows.logits, 0.3, 2, 0.5, 0.7), rel=1e-5)


@pytest.mark.parametrize("unit", range(3))
@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_loss_is_exact_at_logits_of_50(rows, run, unit, logit):
    rows.logits[:, unit] = logit
    value, _ = run(ZILNLoss(), VALUE, rows.logits, rows.weight)
    assert value == pytest.approx(expected(rows, VALUE, rows.logits), rel=1e-4)


def test_without_a_value_above_0_there_is_no_density(rows, run):
    value, _ = run(ZILNLoss(), 0 * VALUE, rows.logits, rows.weight)
    assert value == pytest.approx(expected(rows, 0 * VALUE, rows.logits), rel=1e-5)


def test_an_empty_space_has_loss_0_and_no_gradient(rows, run):
    value, slope = run(ZILNLoss(), VALUE, rows.logits, 0 * rows.weight)
    assert value == 0.0
    np.testing.assert_array_equal(slope, 0)


def test_expected_value_is_that_of_the_distribution(rows):
    c, mu, raw = np.float64(rows.logits).T
    mean = np.exp(mu + sigma(raw, 1.5) ** 2 / 2) / (1 + np.exp(-c))
    actual = np.exp(ziln.log_expected_value(tf.constant(rows.logits), 1.5, 20.0))
    np.testing.assert_allclose(actual, mean, rtol=1e-5)


def test_expected_value_has_a_largest(rows):
    logits = tf.constant([[50.0, 50.0, 50.0]])
    assert float(ziln.log_expected_value(logits, 5.0, 20.0)[0]) == 20.0
