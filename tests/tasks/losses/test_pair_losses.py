"""Losses of pairs against loops over all pairs."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.losses import PairwiseLoss, Sessions, focal, hinge, logistic

USER = Sessions("user")


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def all_pairs(rows, session=True, temperature=1.0):
    """d, y_i - y_j and w_i of every pair."""
    label, c = np.float64(rows.label), np.float64(rows.logit[:, 0]) / temperature
    for i in range(len(label)):
        for j in range(len(label)):
            same = rows.session[i] == rows.session[j] != "" if session else True
            inside = rows.weight[i] != 0 and rows.weight[j] != 0
            if same and inside and label[i] > label[j]:
                yield c[i] - c[j], label[i] - label[j], rows.weight[i]


def expected(rows, surrogate, **how):
    losses = [w * surrogate(d, gap) for d, gap, w in all_pairs(rows, **how)]
    return sum(losses) / len(losses)


SURROGATES = {
    "logistic": (logistic(), lambda d, gap: softplus(-d)),
    "logistic with a margin": (logistic(0.5), lambda d, gap: softplus(0.5 - d)),
    "logistic with the label's": (logistic(None), lambda d, gap: softplus(gap - d)),
    "hinge": (hinge(0.7), lambda d, gap: max(0.7 - d, 0)),
    "hinge with the label's": (hinge(None, 0.5), lambda d, gap: max(gap / 2 - d, 0)),
    "focal": (focal(1.5, 0.3), lambda d, gap: 0.3 * (1 - sigmoid(d)) ** 1.5 * softplus(-d)),
}


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("graded", [False, True])
def test_loss_is_the_mean_over_the_pairs_of_all_sessions(rows, run, name, graded):
    surrogate, formula = SURROGATES[name]
    if graded:
        rows.label = np.array([3, 1, 0, 1, 0, 1, 2.5, 0, 3, 0], np.float32)
    loss = PairwiseLoss(surrogate, USER, temperature=0.8)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    assert value == pytest.approx(expected(rows, formula, temperature=0.8), rel=1e-5)


def test_without_a_session_all_rows_are_compared(rows, run):
    value, _ = run(PairwiseLoss(logistic(), Sessions()), rows.label, rows.logit, rows.weight)
    assert value == pytest.approx(expected(rows, SURROGATES["logistic"][1], session=False))


def test_gradient_is_that_of_the_formula(rows, run):
    value, slope = run(
        PairwiseLoss(logistic(), USER), rows.label, rows.logit, rows.weight, rows.session
    )
    for row in range(len(rows.label)):
        numeric = []
        for step in (1e-5, -1e-5):
            rows.logit = rows.logit.astype(np.float64)
            rows.logit[row] += step
            numeric.append(expected(rows, SURROGATES["logistic"][1]))
            rows.logit[row] -= step
        assert slope[row, 0] == pytest.approx((numeric[0] - numeric[1]) / 2e-5, abs=1e-4)


@pytest.mark.parametrize("name", ["logistic", "hinge", "focal"])
def test_loss_is_exact_at_logits_of_50(rows, run, name):
    surrogate, formula = SURROGATES[name]
    rows.logit = np.where(rows.logit > 0.15, 50, -50).astype(np.float32)
    loss = PairwiseLoss(surrogate, USER)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    assert value == pytest.approx(expected(rows, formula), rel=1e-5)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_only_the_hardest_pairs_may_count(rows, run, share):
    loss = PairwiseLoss(hinge(1.0), USER, hardest=share)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    losses = sorted((w * max(1 - d, 0) for d, _, w in all_pairs(rows)), reverse=True)
    kept = [each for each in losses[: max(round(share * len(losses)), 1)] if each > 0]
    assert value == pytest.approx(sum(kept) / len(kept), rel=1e-5)


def test_pairs_that_are_apart_may_be_dropped(rows, run):
    loss = PairwiseLoss(focal(2.0), USER, dropped_from=0.2)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    left = [(d, w) for d, _, w in all_pairs(rows) if d < 0.2]
    losses = [w * (1 - sigmoid(d)) ** 2 * softplus(-d) for d, w in left]
    assert 0 < len(left) < len(list(all_pairs(rows)))
    assert value == pytest.approx(sum(losses) / len(left), rel=1e-5)


@pytest.mark.parametrize("session", [np.arange(10), np.arange(10) % 3, np.arange(10) / 4])
def test_sessions_are_of_any_type(rows, run, session):
    loss = PairwiseLoss(logistic(), USER)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, session)
    rows.session = session.astype(str)
    pairs = list(all_pairs(rows))
    total = sum(w * softplus(-d) for d, _, w in pairs)
    assert value == pytest.approx(total / max(len(pairs), 1), rel=1e-5)


def test_a_number_that_is_not_known_is_no_session(rows, run):
    loss = PairwiseLoss(logistic(), USER)
    session = np.where(np.arange(10) % 2, np.nan, 7.0)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, session)
    rows.session = np.where(np.arange(10) % 2, "", "7")
    assert value == pytest.approx(expected(rows, SURROGATES["logistic"][1]), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.weight.fill(0), "an empty space"),
        (lambda rows: rows.label.fill(1), "labels that are all equal"),
        (lambda rows: rows.session.__setitem__(slice(None), np.arange(10)), "sessions of one row"),
        (lambda rows: rows.session.fill(""), "no session"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("hardest", [1.0, 0.5])
def test_without_a_pair_loss_and_gradient_are_0(rows, run, change, why, hardest):
    change(rows)
    loss = PairwiseLoss(logistic(), USER, hardest=hardest)
    value, slope = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    assert value == 0.0
    np.testing.assert_array_equal(slope, 0)


def test_an_empty_batch_has_no_loss(run):
    empty = np.zeros(0, np.float32)
    assert run(PairwiseLoss(logistic(), Sessions()), empty, empty[:, None], empty)[0] == 0.0


def test_the_columns_are_those_of_the_sessions():
    assert PairwiseLoss(logistic(), USER).columns == ["user"]
    assert PairwiseLoss(logistic(), Sessions()).columns == []


@pytest.mark.parametrize("hardest", [1.0, 0.5])
def test_a_graph_takes_batches_of_every_size(rows, run, hardest):
    loss = PairwiseLoss(logistic(), USER, hardest=hardest)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None]),
            tf.TensorSpec([None, 1]),
            tf.TensorSpec([None]),
            tf.TensorSpec([None], tf.string),
        ]
    )
    def graph(label, logits, weight, session):
        value = loss(label, logits, weight, {"user": session})
        return value, tf.convert_to_tensor(tf.gradients(value, logits)[0])

    for size in (10, 3, 0):
        batch = (rows.label[:size], rows.logit[:size], rows.weight[:size])
        value, slope = graph(*batch, tf.constant(rows.session[:size], tf.string))
        expected_value, expected_slope = run(loss, *batch, rows.session[:size].astype(object))
        assert float(value) == pytest.approx(expected_value, rel=1e-6)
        np.testing.assert_allclose(slope, expected_slope, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_batch_of_4096_rows_of_one_session_fits():
    random = np.random.default_rng(0)
    label = tf.constant(random.random(4096), tf.float32)
    logits = tf.constant(random.normal(size=(4096, 1)), tf.float32)
    value = PairwiseLoss(logistic(), Sessions())(label, logits, tf.ones(4096), {})
    d = np.float64(logits) - np.float64(logits)[:, 0]
    upper = np.float64(label)[:, None] > np.float64(label)
    assert float(value) == pytest.approx(softplus(-d)[upper].mean(), rel=1e-4)
