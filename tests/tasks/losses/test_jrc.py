"""Joint ranking and calibration against loops over rows and their sessions."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.losses import JRCLoss, Sessions, jrc

USER = Sessions("user")


def ranking(rows, logits, same_label):
    """GE of the rows that have it, with their weights."""
    for i in range(len(rows.label)):
        if rows.weight[i] == 0 or rows.session[i] == "":
            continue
        y = int(rows.label[i])
        session = [
            j
            for j in range(len(rows.label))
            if rows.weight[j] != 0 and rows.session[j] == rows.session[i]
        ]
        rivals = session if same_label else [j for j in session if rows.label[j] != y or j == i]
        c = np.float64(logits[rivals, y])
        yield np.logaddexp.reduce(c) - np.float64(logits[i, y]), rows.weight[i]


def calibration(rows, logits):
    for i in np.flatnonzero(rows.weight):
        c = np.float64(logits[i])
        yield np.logaddexp.reduce(c) - c[int(rows.label[i])], rows.weight[i]


def mean(weighted):
    losses = [loss * weight for loss, weight in weighted]
    return sum(losses) / len(losses)


def both(rows, logits, alpha, same_label):
    parts = mean(calibration(rows, logits)), mean(ranking(rows, logits, same_label))
    return alpha * parts[0] + (1 - alpha) * parts[1]


@pytest.mark.parametrize("scale", [1, 1000])
@pytest.mark.parametrize("same_label", [True, False])
def test_loss_is_that_of_both_parts(rows, run, same_label, scale):
    logits = np.clip(scale * rows.logits[:, :2], -50, 50)
    loss = JRCLoss(USER, jrc.fixed(0.3), same_label)
    value, slope = run(loss, rows.label, logits, rows.weight, rows.session)
    assert value == pytest.approx(both(rows, logits, 0.3, same_label), rel=1e-5)
    assert slope.any()


@pytest.mark.parametrize("same_label", [True, False])
def test_ranking_in_one_session_is_against_the_whole_batch(rows, run, same_label):
    logits = rows.logits[:, :2]
    loss = JRCLoss(Sessions(), jrc.fixed(0.0), same_label)
    value, _ = run(loss, rows.label, logits, rows.weight)
    rows.session[:] = "all"
    assert value == pytest.approx(mean(ranking(rows, logits, same_label)), rel=1e-5)


@pytest.mark.parametrize("same_label", [True, False])
def test_sessions_of_one_row_leave_only_calibration(rows, run, same_label):
    logits, session = rows.logits[:, :2], np.arange(10)
    loss = JRCLoss(USER, jrc.fixed(0.5), same_label)
    value, _ = run(loss, rows.label, logits, rows.weight, session)
    assert value == pytest.approx(mean(calibration(rows, logits)) / 2, rel=1e-5)


@pytest.mark.parametrize("same_label", [True, False])
def test_an_empty_space_has_loss_0_and_no_gradient(rows, run, same_label):
    loss = JRCLoss(USER, jrc.fixed(0.5), same_label)
    value, slope = run(loss, rows.label, rows.logits[:, :2], 0 * rows.weight, rows.session)
    assert value == 0.0
    np.testing.assert_array_equal(slope, 0)


def test_a_learned_balance_weighs_the_parts_by_their_uncertainty(rows, run):
    balance = jrc.LearnedBalance()
    balance.variables[0].assign([0.4, -0.7])
    logits = rows.logits[:, :2]
    value, _ = run(JRCLoss(USER, balance), rows.label, logits, rows.weight, rows.session)
    entropy, ranked = mean(calibration(rows, logits)), mean(ranking(rows, logits, True))
    assert value == pytest.approx(np.exp(-0.4) * entropy + np.exp(0.7) * ranked, rel=1e-5)


def test_an_uncertainty_is_at_rest_where_its_part_weighs_a_half_and_without_rows():
    balance = jrc.LearnedBalance()
    (s,) = balance.variables
    s.assign([np.log(2 * 0.8), 1.0])
    with tf.GradientTape() as tape:
        value = balance(tf.constant(0.8), tf.constant(0.0))
    assert float(value) == pytest.approx(0.5)
    np.testing.assert_allclose(tape.gradient(value, s), [0, 0], atol=1e-6)


def test_the_slope_of_an_uncertainty_is_that_of_the_whole_formula():
    balance, parts = jrc.LearnedBalance(), np.array([0.8, 1.9])
    s = np.array([0.3, -0.2])
    balance.variables[0].assign(s)
    with tf.GradientTape() as tape:
        value = balance(*map(tf.constant, np.float32(parts)))
    slope = tape.gradient(value, balance.variables[0])
    np.testing.assert_allclose(slope, 0.5 - np.exp(-s) * parts, rtol=1e-5)


@pytest.mark.parametrize("draw", [jrc.random_uniform, jrc.random_normal, jrc.random_bernoulli])
def test_weights_that_are_drawn_are_shares_of_1_and_differ(draw):
    tf.random.set_seed(1)
    drawn = np.array([draw() for _ in range(20)])
    np.testing.assert_allclose(drawn.sum(axis=1), 1, rtol=1e-6)
    assert drawn.min() >= 0 and len(set(drawn[:, 0])) > 1


def test_coins_give_all_to_one_or_a_half_to_each():
    tf.random.set_seed(1)
    assert {tuple(np.array(jrc.random_bernoulli())) for _ in range(40)} == {
        (0, 1),
        (1, 0),
        (0.5, 0.5),
    }
