"""Knowledge distillation from the messages of a config: a teacher's terms against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from six_rows import LABEL, LOGITS, NAN, TARGETS, build


def logit(q):
    return np.log(q) - np.log1p(-q)


def distilled(text, prediction="probs_ctr", tower=""):
    """The term of a `kd`, and its value."""
    kd = f'kd {{ pred_name: "{prediction}" soft_label_name: "teacher" {text} }}'
    task = build(tower, kd)
    own, term = task.terms
    assert own.name == "cross_entropy_loss_ctr" or tower
    return task, term, float(task.losses(LOGITS[:, :1], TARGETS)[f"loss_{term.name}"])


KNOWN = ~np.isnan(TARGETS["teacher"].numpy())
Q, C = np.float64(TARGETS["teacher"].numpy()[KNOWN]), np.float64(LOGITS.numpy()[KNOWN, 0])


def entropy(q, c):
    return q * np.logaddexp(0, -c) + (1 - q) * np.logaddexp(0, c)


@pytest.mark.parametrize(
    "loss", ["CROSS_ENTROPY_LOSS", "BINARY_CROSS_ENTROPY_LOSS", "CLASSIFICATION"]
)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_cross_entropy_with_a_teacher_is_over_the_rows_it_knows(loss, temperature):
    text = f"loss_type: {loss} label_is_logits: false temperature: {temperature}"
    q = 1 / (1 + np.exp(-logit(Q) / temperature))
    _, _, value = distilled(text)
    assert value == pytest.approx(np.mean(entropy(q, C / temperature)), rel=1e-5)


def test_a_teacher_may_give_logits():
    q = 1 / (1 + np.exp(-Q / 2))
    _, _, value = distilled("loss_type: CROSS_ENTROPY_LOSS temperature: 2", "logits_ctr")
    assert value == pytest.approx(np.mean(entropy(q, C / 2)), rel=1e-5)


def test_divergence_from_a_teacher():
    _, _, value = distilled("loss_type: KL_DIVERGENCE_LOSS label_is_logits: false")
    assert value == pytest.approx(np.mean(entropy(Q, C) - entropy(Q, logit(Q))), rel=1e-5)


def test_squared_error_is_that_of_logits():
    _, _, value = distilled("loss_type: L2_LOSS label_is_logits: false temperature: 3")
    assert value == pytest.approx(np.mean(((C - logit(Q)) / 3) ** 2), rel=1e-5)


def test_a_teacher_that_is_sure_has_a_finite_logit():
    targets = {**TARGETS, "teacher": tf.constant([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])}
    kd = 'pred_name: "probs_ctr" soft_label_name: "teacher" loss_type: L2_LOSS'
    task = build("", f"kd {{ {kd} label_is_logits: false }}")
    assert np.isfinite(float(task.loss(LOGITS[:, :1], targets)))


def test_a_regression_learns_the_teachers_number():
    text = "loss_type: L2_LOSS"
    _, term, value = distilled(text, "y_ctr", "loss_type: L2_LOSS")
    assert value == pytest.approx(np.mean((C - Q) ** 2), rel=1e-5)
    assert term.loss.is_squared


def test_pairs_are_ordered_as_the_teacher_orders_them():
    _, _, value = distilled(
        'loss_type: PAIR_WISE_LOSS label_is_logits: false pairwise_loss { session_name: "page" }'
    )
    page = TARGETS["page"].numpy()[KNOWN]
    d = [
        C[i] - C[j]
        for i in range(len(Q))
        for j in range(len(Q))
        if Q[i] > Q[j] and page[i] == page[j]
    ]
    assert value == pytest.approx(np.mean(np.logaddexp(0, -np.array(d))), rel=1e-5)


def test_a_list_learns_the_softmax_of_the_teachers_logits():
    _, _, value = distilled("loss_type: LISTWISE_RANK_LOSS label_is_logits: false temperature: 2")
    q, c = logit(Q) / 2, C / 2
    share = np.exp(q) / np.exp(q).sum()
    assert value == pytest.approx(np.sum(share * (np.logaddexp.reduce(c) - c)), rel=1e-5)


def test_a_list_learns_the_teachers_ranks():
    targets = {**TARGETS, "teacher": tf.constant([1.0, 2.0, 3.0, NAN, 4.0, 5.0])}
    kd = 'pred_name: "logits_ctr" soft_label_name: "teacher" loss_type: LISTWISE_DISTILL_LOSS'
    value = build("", f"kd {{ {kd} }}").losses(LOGITS[:, :1], targets)[
        "loss_kd_loss_logits_ctr_teacher"
    ]
    gain = np.log1p(512) - np.log(np.arange(1.0, 6.0))
    log_p = C - np.logaddexp.reduce(C)
    assert float(value) == pytest.approx(-np.sum(gain / gain.sum() * log_p), rel=1e-5)


def test_an_indicator_weighs_the_teachers_rows_and_no_others():
    text = (
        'loss_type: CROSS_ENTROPY_LOSS label_is_logits: false task_space_indicator_name: "page" '
        'task_space_indicator_value: "x" in_task_space_weight: 2 out_task_space_weight: 0'
    )
    task, _, value = distilled(text)
    inside = TARGETS["page"].numpy()[KNOWN] == b"x"
    assert value == pytest.approx(2 * np.mean(entropy(Q, C)[inside]), rel=1e-5)
    own = np.mean(entropy(LABEL.numpy()[:5], np.float64(LOGITS.numpy()[:5, 0])))
    found = task.losses(LOGITS[:, :1], TARGETS)
    assert float(found["loss_cross_entropy_loss_ctr"]) == pytest.approx(own, rel=1e-5)
    assert task.target_columns == ["click", "teacher", "page"]


def test_a_teachers_term_has_its_weight_and_a_name():
    _, term, _ = distilled("loss_type: CROSS_ENTROPY_LOSS loss_weight: 0.3", "logits_ctr")
    assert (term.name, term.weight) == ("kd_loss_logits_ctr_teacher", pytest.approx(0.3))
    _, term, _ = distilled('loss_type: CROSS_ENTROPY_LOSS loss_name: "old"', "logits_ctr")
    assert term.name == "old_ctr"


def test_without_a_teacher_loss_and_gradient_are_0():
    targets = {**TARGETS, "teacher": tf.fill([6], NAN)}
    kd = 'pred_name: "logits_ctr" soft_label_name: "teacher" loss_type: KL_DIVERGENCE_LOSS'
    task, logits = build("", f"kd {{ {kd} }}"), tf.Variable(LOGITS[:, :1])
    with tf.GradientTape() as tape:
        value = task.losses(logits, targets)["loss_kd_loss_logits_ctr_teacher"]
    assert float(value) == 0.0
    np.testing.assert_array_equal(tape.gradient(value, logits), 0)


@pytest.mark.parametrize(
    ("column", "is_logits", "told"),
    [
        ([0.9, 1.5, NAN, 0.0, 0.0, 0.0], "false", "a probability. Received: 1.5."),
        ([0.9, np.inf, NAN, 0.0, 0.0, 0.0], "true", "a finite number. Received: inf."),
    ],
)
def test_a_teacher_that_cannot_be_learned_is_told(column, is_logits, told):
    kd = 'pred_name: "logits_ctr" soft_label_name: "teacher" loss_type: KL_DIVERGENCE_LOSS '
    task = build("", f"kd {{ {kd} label_is_logits: {is_logits} }}")
    targets = {**TARGETS, "teacher": tf.constant(column, tf.float32)}
    assert np.isnan(float(task.loss(LOGITS[:, :1], targets)))
    assert task.label_error(targets) == f"The soft label `teacher` should be {told}"
