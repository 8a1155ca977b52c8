"""A task's loss and metrics in its sample space."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.heads import BinaryHead, MultiClassHead, RegressionHead
from tfmtl.tasks.space import ColumnLabel, LabelIndicator, SampleSpace, SampleWeight
from tfmtl.tasks.task import Task

NAN = float("nan")
LOGITS = np.array([[0.3], [-1.2], [2.0], [0.7]], np.float32)
BUY = np.array([1.0, 0.0, NAN, 1.0], np.float32)
CLICK = np.array([1.0, 1.0, 1.0, 0.0], np.float32)
WEIGHT = np.array([3.0, 0.5, 1.0, 1.0], np.float32)


def clicked_task(**arguments):
    clicked = LabelIndicator(ColumnLabel("click"), inside=1.0, outside=0.0)
    space = SampleSpace(ColumnLabel("buy"), [SampleWeight("w"), clicked])
    return Task("cvr", BinaryHead(), space, **arguments)


def targets(buy=BUY, click=CLICK, w=WEIGHT):
    return {"buy": tf.constant(buy), "click": tf.constant(click), "w": tf.constant(w)}


def cross_entropy(label, logit):
    return np.logaddexp(0, logit) - label * logit


def test_loss_is_the_weighted_sum_over_the_number_of_rows_in_space():
    rows = cross_entropy(BUY[:2], LOGITS[:2, 0])
    expected = (3.0 * rows[0] + 0.5 * rows[1]) / 2
    assert float(clicked_task().loss(LOGITS, targets())) == pytest.approx(expected, rel=1e-6)


def test_an_empty_space_has_loss_0_and_no_gradient():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = clicked_task().loss(logits, targets(click=np.zeros(4, np.float32)))
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, logits), np.zeros((4, 1)))


def test_missing_labels_leave_the_gradient_of_others_alone():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = clicked_task().loss(logits, targets())
    probability = 1 / (1 + np.exp(-LOGITS[:, 0]))
    expected = np.array([3.0, 0.5, 0.0, 0.0]) * (probability - np.nan_to_num(BUY)) / 2
    np.testing.assert_allclose(tape.gradient(loss, logits)[:, 0], expected, rtol=1e-5, atol=1e-8)


def test_the_weight_of_the_task_is_left_to_the_trainer():
    light, heavy = clicked_task(weight=1.0), clicked_task(weight=9.0)
    assert heavy.weight == 9.0
    assert float(light.loss(LOGITS, targets())) == float(heavy.loss(LOGITS, targets()))


def test_a_task_that_is_not_trained_has_metrics_but_no_loss():
    task = clicked_task(trained=False)
    assert task.loss(LOGITS, targets()) is None
    assert task.new_metrics()


def test_metrics_are_named_by_task_and_see_the_space_of_the_loss():
    task = clicked_task(metrics={"logloss": {}, "mean_label": {}})
    metrics = task.new_metrics()
    task.update_metrics(metrics, LOGITS, targets())
    rows = cross_entropy(BUY[:2], LOGITS[:2, 0])
    assert [metric.name for metric in metrics] == ["logloss_cvr", "mean_label_cvr"]
    assert float(metrics[0].result()) == pytest.approx((3 * rows[0] + 0.5 * rows[1]) / 3.5)
    assert float(metrics[1].result()) == pytest.approx(3.0 / 3.5)


def test_metrics_take_their_parameters_and_the_suffix():
    (auc,) = clicked_task(metrics={"auc": {"num_thresholds": 9}}, suffix="cvr_masked").new_metrics()
    assert (auc.name, auc.num_thresholds) == ("auc_cvr_masked", 9)


def test_default_metrics_are_those_of_the_head():
    names = [metric.name for metric in clicked_task().new_metrics()]
    assert names == ["auc_cvr", "logloss_cvr"]


def test_half_precision_logits_are_computed_with_in_single():
    assert clicked_task().loss(tf.constant(LOGITS, tf.bfloat16), targets()).dtype == tf.float32


def test_a_label_that_cannot_be_learned_makes_the_loss_nan_but_not_the_gradient():
    task = Task("level", MultiClassHead(3), SampleSpace(ColumnLabel("level")))
    logits = tf.Variable([[1.0, 2.0, 0.0], [0.0, 1.0, 0.5]])
    with tf.GradientTape() as tape:
        loss = task.loss(logits, {"level": tf.constant([1.0, 3.0])})
    assert np.isnan(float(loss))
    assert np.all(np.isfinite(tape.gradient(loss, logits)))


@pytest.mark.parametrize(
    ("head", "labels", "rule"),
    [
        (MultiClassHead(3), [1.0, 3.0, -1.0], "a class, one of 0 to 2. Received: -1, 3."),
        (BinaryHead(), [0.0, 2.0, 2.0], "from 0 to 1. Received: 2."),
        (RegressionHead(), [0.0, np.inf, 2.0], "a finite number. Received: inf."),
    ],
)
def test_a_label_that_cannot_be_learned_is_told(head, labels, rule):
    task = Task("level", head, SampleSpace(ColumnLabel("grade")))
    error = task.label_error({"grade": tf.constant(labels, tf.float32)})
    assert error == f"The label of task `level` (`grade`) should be {rule}"


def test_a_negative_weight_is_told_and_gives_no_loss():
    task = clicked_task()
    odd = targets(w=np.array([1.0, -2.0, 1.0, 1.0], np.float32), click=np.ones(4, np.float32))
    error = "The weights of rows of task `cvr` should be at least 0. Received: -2."
    assert task.label_error(odd) == error
    assert np.isnan(float(task.loss(LOGITS, odd)))


def test_labels_outside_of_the_space_may_be_anything():
    task = clicked_task()
    odd = targets(buy=np.array([1.0, 0.0, NAN, 7.0], np.float32))
    assert task.label_error(odd) is None
    assert np.isfinite(float(task.loss(LOGITS, odd)))


def test_target_columns_are_all_that_the_space_reads():
    assert clicked_task().target_columns == ["buy", "w", "click"]
