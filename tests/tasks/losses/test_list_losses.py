"""Losses of lists against loops over sessions."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.losses import ListwiseLoss, Sessions, lists

USER = Sessions("user")


def sessions(rows):
    """The places of the rows of each session that are in space."""
    inside = rows.weight != 0
    return [
        np.flatnonzero((rows.session == name) & inside)
        for name in sorted(set(rows.session[inside]) - {""})
    ]


def log_softmax(c):
    return c - np.logaddexp.reduce(c)


def expected(rows, relevance, temperature=1.0):
    c, losses = np.float64(rows.logit[:, 0]) / temperature, []
    for places in sessions(rows):
        q = relevance(np.float64(rows.label[places]))
        losses.append(-np.sum(rows.weight[places] * q * log_softmax(c[places])))
    return np.mean(losses)


def gains(rank, highest):
    gain = np.log1p(highest) - np.log(np.clip(rank, 1, highest))
    return gain / gain.sum()


CASES = {
    "labels": (lists.label_itself, lambda y: y),
    "logits": (lists.label_softmax(0.7), lambda y: np.exp(log_softmax(y / 0.7))),
    "ranks": (lists.rank_gain(5.0), lambda y: gains(y, 5.0)),
}
RANKS = np.array([1, 9, 2, 1, 1, 3, 4, 2, 3, 0.5], np.float32)


@pytest.mark.parametrize("name", CASES)
def test_loss_is_the_mean_over_sessions_of_their_cross_entropy(rows, run, name):
    relevance, formula = CASES[name]
    rows.label = RANKS if name == "ranks" else rows.label
    loss = ListwiseLoss(relevance, USER, temperature=0.7)
    value, slope = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    assert len(sessions(rows)) == 4
    assert value == pytest.approx(expected(rows, formula, 0.7), rel=1e-5)
    assert slope.any()


@pytest.mark.parametrize("name", CASES)
def test_loss_is_exact_at_logits_of_50(rows, run, name):
    relevance, formula = CASES[name]
    rows.logit = np.where(rows.logit > 0.15, 50, -50).astype(np.float32)
    value, _ = run(ListwiseLoss(relevance, USER), rows.label, rows.logit, rows.weight, rows.session)
    assert value == pytest.approx(expected(rows, formula), rel=1e-5)


def test_a_learned_scale_multiplies_the_logits_by_its_size(rows, run):
    loss = ListwiseLoss(lists.label_itself, USER, temperature=0.7, learns_scale=True)
    (scale,) = loss.variables
    assert scale.numpy() == 1.0
    scale.assign(-0.3)
    value, _ = run(loss, rows.label, rows.logit, rows.weight, rows.session)
    assert value == pytest.approx(expected(rows, CASES["labels"][1], 0.7 / 0.3), rel=1e-5)


def test_a_learned_scale_comes_to_where_the_softmax_is_that_of_the_labels(run):
    loss = ListwiseLoss(lists.label_softmax(1.0), Sessions(), learns_scale=True)
    label = tf.constant([0.3, -1.0, 2.0])
    for _ in range(60):
        with tf.GradientTape() as tape:
            value = loss(label, 4.0 * label[:, None], tf.ones(3), {})
        loss.variables[0].assign_sub(0.1 * tape.gradient(value, loss.variables[0]))
    assert loss.variables[0].numpy() == pytest.approx(0.25, rel=1e-3)


def test_without_a_session_the_batch_is_one_list(rows, run):
    value, _ = run(
        ListwiseLoss(lists.label_itself, Sessions()), rows.label, rows.logit, rows.weight
    )
    rows.session[:] = "all"
    assert value == pytest.approx(expected(rows, CASES["labels"][1]), rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_an_empty_space_has_loss_0_and_no_gradient(rows, run, name):
    loss = ListwiseLoss(CASES[name][0], USER)
    value, slope = run(loss, rows.label, rows.logit, 0 * rows.weight, rows.session)
    assert value == 0.0
    np.testing.assert_array_equal(slope, 0)


def test_lists_of_one_row_and_rows_without_a_list_teach_nothing(rows, run):
    session = np.array([str(row) for row in range(9)] + [""])
    loss = ListwiseLoss(lists.label_itself, USER)
    value, slope = run(loss, rows.label, rows.logit, rows.weight, session)
    assert value == 0.0
    np.testing.assert_allclose(slope, 0, atol=1e-7)
