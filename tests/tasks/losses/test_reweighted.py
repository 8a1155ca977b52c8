"""Focal and F1-reweighted cross entropy against loops over rows."""

import numpy as np
import pytest

from tfmtl.tasks.losses import F1ReweightedLoss, FocalLoss


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def entropy(label, c):
    return label * np.logaddexp(0, -c) + (1 - label) * np.logaddexp(0, c)


def focal_rows(rows, gamma, alpha, smoothing):
    for y, c, w in zip(rows.label, np.float64(rows.logit[:, 0]), rows.weight, strict=True):
        if w:
            wrong = y * sigmoid(-c) + (1 - y) * sigmoid(c)
            factor = 1 if alpha is None else y * alpha + (1 - y) * (1 - alpha)
            yield w * factor * wrong**gamma * entropy(y * (1 - smoothing) + smoothing / 2, c)


@pytest.mark.parametrize(
    ("gamma", "alpha", "smoothing"),
    [(2.0, None, 0.0), (0.5, 0.25, 0.0), (1.0, 0.7, 0.1), (0, None, 0)],
)
def test_focal_loss_is_the_mean_of_its_formula(rows, run, gamma, alpha, smoothing):
    loss = FocalLoss(gamma, alpha, label_smoothing=smoothing)
    value, _ = run(loss, rows.label, rows.logit, rows.weight)
    expected = list(focal_rows(rows, gamma, alpha, smoothing))
    assert value == pytest.approx(np.mean(expected), rel=1e-5)


def test_focal_loss_without_gamma_is_cross_entropy(rows, run):
    value, _ = run(FocalLoss(0.0), rows.label, rows.logit, rows.weight)
    losses = entropy(rows.label, np.float64(rows.logit[:, 0])) * rows.weight
    assert value == pytest.approx(losses.sum() / np.count_nonzero(rows.weight), rel=1e-5)


def test_focal_loss_takes_soft_labels(rows, run):
    rows.label = np.linspace(0, 1, 10, dtype=np.float32)
    value, _ = run(FocalLoss(2.0, 0.3), rows.label, rows.logit, rows.weight)
    assert value == pytest.approx(np.mean(list(focal_rows(rows, 2.0, 0.3, 0.0))), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_is_exact_at_logits_of_50(rows, run, gamma):
    rows.logit = np.where(rows.logit > 0.15, 50, -50).astype(np.float32)
    value, _ = run(FocalLoss(gamma), rows.label, rows.logit, rows.weight)
    assert value == pytest.approx(np.mean(list(focal_rows(rows, gamma, None, 0))), rel=1e-5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_only_the_hardest_rows_may_count(rows, run, share):
    value, _ = run(FocalLoss(2.0, hardest=share), rows.label, rows.logit, rows.weight)
    losses = sorted(focal_rows(rows, 2.0, None, 0.0), reverse=True)
    assert value == pytest.approx(np.mean(losses[: max(round(share * 9), 1)]), rel=1e-5)


def f1_expected(rows, beta_square, smoothing=0.0):
    inside = rows.weight != 0
    c, y, w = np.float64(rows.logit[inside, 0]), rows.label[inside], rows.weight[inside]
    predicted, positives, size = sigmoid(c).sum(), y.sum(), inside.sum()
    true_negatives = size - predicted
    negative = predicted / (beta_square * positives + (size - positives) - true_negatives)
    if beta_square < 1:
        negative = min(negative, 1 / beta_square) if negative > 0 else 1 / beta_square
    factor = np.where(y == 1, 1, negative)
    return np.mean(w * factor * entropy(y * (1 - smoothing) + smoothing / 2, c))


@pytest.mark.parametrize(("beta_square", "smoothing"), [(1, 0), (2, 0.1), (0.5625, 0), (4, 0)])
def test_f1_reweighted_loss_is_the_mean_of_its_formula(rows, run, beta_square, smoothing):
    loss = F1ReweightedLoss(beta_square, smoothing)
    value, slope = run(loss, rows.label, rows.logit, rows.weight)
    assert value == pytest.approx(f1_expected(rows, beta_square, smoothing), rel=1e-5)
    assert slope.any()


def test_a_negative_row_never_counts_against_itself(rows, run):
    rows.logit -= 3.0  # Σ p is below the (1 - β²)·P at which EasyRec's denominator is 0.
    assert sigmoid(rows.logit).sum() < 0.5 * rows.label.sum()
    value, slope = run(F1ReweightedLoss(0.5), rows.label, rows.logit, rows.weight)
    assert value == pytest.approx(f1_expected(rows, 0.5), rel=1e-5)
    assert np.all(slope[rows.label == 0] >= 0)


@pytest.mark.parametrize("beta_square", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_f1_reweighted_loss_is_finite_at_logits_of_50(rows, run, beta_square, logit):
    value, _ = run(
        F1ReweightedLoss(beta_square), rows.label, np.full((10, 1), logit, np.float32), rows.weight
    )
    assert np.isfinite(value)


@pytest.mark.parametrize(
    "loss", [FocalLoss(), FocalLoss(0.5, 0.3, 0.5), F1ReweightedLoss(), F1ReweightedLoss(0.5)]
)
def test_an_empty_space_has_loss_0_and_no_gradient(rows, run, loss):
    value, slope = run(loss, rows.label, rows.logit, 0 * rows.weight)
    assert value == 0.0
    np.testing.assert_array_equal(slope, 0)
