"""What heads serve, which labels they accept, and what their metrics read."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.composed_heads import OrdinalHead, TwoLogitsHead, ValueHead
from tfmtl.tasks.heads import (
    BinaryHead,
    MultiClassHead,
    ProbabilityHead,
    RankingHead,
    RegressionHead,
)
from tfmtl.tasks.space import ColumnLabel, SampleSpace
from tfmtl.tasks.task import Task

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32)
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def test_a_binary_head_serves_probability_and_logit_of_each_row():
    served = BinaryHead().predictions("ctr", LOGITS[:, :1])
    assert list(served) == ["probs_ctr", "logits_ctr"]
    np.testing.assert_allclose(served["probs_ctr"], 1 / (1 + np.exp(-LOGITS[:, 0])), rtol=1e-6)
    np.testing.assert_array_equal(served["logits_ctr"], LOGITS[:, 0])


def test_a_multi_class_head_serves_all_classes_the_likeliest_and_class_1():
    served = MultiClassHead(3).predictions("level", tf.constant(LOGITS))
    expected = {
        "probs_level": SOFTMAX,
        "logits_level": LOGITS,
        "y_level": [0, 1],
        "probs_level_1": SOFTMAX[:, 1],
        "logits_level_1": LOGITS[:, 1],
        "probs_level_y": SOFTMAX.max(axis=1),
        "logits_level_y": LOGITS.max(axis=1),
    }
    assert list(served) == list(expected)
    assert served["y_level"].dtype == tf.int64
    for name, values in expected.items():
        np.testing.assert_allclose(served[name], values, rtol=1e-6, err_msg=name)


def test_a_regression_head_serves_its_logit():
    served = RegressionHead().predictions("price", LOGITS[:, 1:2])
    assert list(served) == ["y_price"]
    np.testing.assert_array_equal(served["y_price"], LOGITS[:, 1])


@pytest.mark.parametrize(
    ("head", "accepted", "refused"),
    [
        (BinaryHead(), [0.0, 0.3, 1.0], [-0.1, 1.1, np.inf]),
        (MultiClassHead(3), [0.0, 1.0, 2.0], [-1.0, 0.5, 3.0, np.inf]),
        (RegressionHead(), [-7.5, 0.0, 1e9], [np.inf, -np.inf]),
        (ProbabilityHead(), [0.0, 0.3, 1.0], [-0.1, 1.1, np.inf]),
        (RankingHead(), [-7.5, 0.0, 1e9], [np.inf, -np.inf]),
        (TwoLogitsHead(), [0.0, 1.0], [-1.0, 0.5, 2.0, np.inf]),
        (ValueHead(), [0.0, 0.01, 1e9], [-0.01, np.inf]),
        (OrdinalHead(3), [0.0, 1.0, 2.0], [-1.0, 0.5, 3.0, np.inf]),
    ],
)
def test_a_head_accepts_the_labels_it_can_learn(head, accepted, refused):
    assert np.all(head.accepts(tf.constant(accepted)))
    assert not np.any(head.accepts(tf.constant(refused)))


def test_auc_of_two_classes_reads_the_log_odds():
    reads = MultiClassHead(2).metrics["auc"].reads
    np.testing.assert_array_equal(reads(tf.constant(LOGITS[:, :2])), [-3.0, 3.0])
    assert "auc" not in MultiClassHead(3).metrics


def sigmoid(c):
    return 1 / (1 + np.exp(-np.float64(c)))


def test_a_binary_head_may_serve_its_probability_as_a_value():
    served = BinaryHead(serves_value=True).predictions("ctr", LOGITS[:, :1])
    assert list(served) == ["probs_ctr", "logits_ctr", "y_ctr"]
    np.testing.assert_array_equal(served["y_ctr"], served["probs_ctr"])


def test_a_probability_head_serves_its_probability_alone():
    served = ProbabilityHead().predictions("rate", LOGITS[:, :1])
    assert list(served) == ["y_rate"]
    np.testing.assert_allclose(served["y_rate"], sigmoid(LOGITS[:, 0]), rtol=1e-6)


def test_a_ranking_head_serves_what_a_binary_one_does():
    served = RankingHead().predictions("ctr", LOGITS[:, :1])
    binary = BinaryHead().predictions("ctr", LOGITS[:, :1])
    assert {name: list(each) for name, each in served.items()} == {
        name: list(each) for name, each in binary.items()
    }


def test_a_regression_that_ranks_serves_both():
    served = RegressionHead(ranks=True).predictions("price", LOGITS[:, :1])
    assert list(served) == ["y_price", "probs_price", "logits_price"]


def test_two_logits_serve_the_probability_of_yes_and_its_logit():
    served = TwoLogitsHead().predictions("cvr", tf.constant(LOGITS[:, :2]))
    assert list(served) == ["probs_cvr", "pos_logits_cvr"]
    softmax = np.exp(LOGITS[:, 1]) / np.exp(LOGITS[:, :2]).sum(axis=1)
    np.testing.assert_allclose(served["probs_cvr"], softmax, rtol=1e-6)
    np.testing.assert_array_equal(served["pos_logits_cvr"], LOGITS[:, 1])


def expected_value(largest_sigma=5.0):
    sigma = np.minimum(np.logaddexp(0, np.float64(LOGITS[:, 2])), largest_sigma)
    return sigmoid(LOGITS[:, 0]) * np.exp(LOGITS[:, 1] + sigma**2 / 2)


def test_a_value_head_serves_probability_expected_value_and_logits():
    served = ValueHead(max_sigma=0.5).predictions("ltv", tf.constant(LOGITS))
    assert list(served) == ["probs_ltv", "y_ltv", "logits_ltv"]
    np.testing.assert_allclose(served["probs_ltv"], sigmoid(LOGITS[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(served["y_ltv"], expected_value(0.5), rtol=1e-5)
    np.testing.assert_array_equal(served["logits_ltv"], LOGITS)


def test_a_value_head_may_serve_the_logarithm_but_measures_the_value():
    head = ValueHead(serves_log=True, max_log=0.5)
    served = head.predictions("ltv", tf.constant(LOGITS))
    expected = np.minimum(np.log(expected_value()), 0.5)
    np.testing.assert_allclose(served["y_ltv"], expected, rtol=1e-5)
    read = head.metrics["mean_absolute_error"].reads(tf.constant(LOGITS))
    np.testing.assert_allclose(read, np.exp(expected), rtol=1e-5)
    np.testing.assert_array_equal(head.metrics["auc"].reads(tf.constant(LOGITS)), LOGITS[:, 0])


def test_an_ordinal_head_serves_all_classes_the_likeliest_and_the_expected():
    head = OrdinalHead(4)
    assert head.units == 3
    served = head.predictions("stars", tf.constant(LOGITS))
    assert list(served) == ["probs_stars", "y_stars", "expected_stars"]
    probs = served["probs_stars"].numpy()
    assert probs.shape == (2, 4)
    np.testing.assert_allclose(probs[:, 0], sigmoid(-LOGITS[:, 0]), rtol=1e-5)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(served["y_stars"], probs.argmax(axis=1))
    np.testing.assert_allclose(served["expected_stars"], probs @ np.arange(4), rtol=1e-5)


def test_metrics_of_ordered_classes_read_log_probabilities_and_the_expected_class():
    head, logits = OrdinalHead(4), tf.constant(LOGITS)
    served = head.predictions("stars", logits)
    np.testing.assert_allclose(
        np.exp(head.metrics["logloss"].reads(logits)), served["probs_stars"], rtol=1e-6
    )
    read = head.metrics["mean_absolute_error"].reads(logits)
    np.testing.assert_allclose(read, served["expected_stars"], rtol=1e-6)


def test_metrics_of_two_logits_read_the_log_odds():
    logits = tf.constant(LOGITS[:, :2])
    metrics = TwoLogitsHead().metrics
    np.testing.assert_array_equal(metrics["auc"].reads(logits), [-3.0, 3.0])
    np.testing.assert_allclose(
        metrics["mean_prediction"].reads(logits), sigmoid([-3.0, 3.0]), rtol=1e-6
    )


HEADS = [
    ProbabilityHead(),
    RankingHead(),
    TwoLogitsHead(),
    ValueHead(),
    OrdinalHead(3),
    BinaryHead(),
    MultiClassHead(3),
    RegressionHead(),
]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
def test_a_head_learns_by_its_own_loss_and_measures_what_it_offers(head):
    metrics = {
        name: {each.grouped_by: "user"} if each.grouped_by else {}
        for name, each in head.metrics.items()
    }
    task = Task("t", head, SampleSpace(ColumnLabel("y")), metrics=metrics)
    logits = tf.Variable(np.random.default_rng(1).normal(size=(6, head.units)), dtype=tf.float32)
    targets = {"y": tf.constant([0.0, 1.0, 1.0, 0.0, 1.0, float("nan")]), "user": tf.zeros(6)}
    with tf.GradientTape() as tape:
        loss = task.loss(logits, targets)
    slope = tape.gradient(loss, logits).numpy()
    assert np.isfinite(slope).all() and np.any(slope[:5] != 0) and not slope[5].any()
    metrics = task.new_metrics()
    task.update_metrics(metrics, logits, targets)
    assert all(np.isfinite(float(metric.result())) for metric in metrics)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
def test_default_metrics_are_among_those_offered(head):
    assert set(head.default_metrics) <= set(head.metrics)
