"""Weighted means over rows, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import top_k_accuracy_score

from tfmtl.tasks import metrics

LABEL = np.array([0.0, 1.0, 1.0, 0.0], np.float32)
LOGIT = np.array([-2.0, 0.5, -0.1, 0.0], np.float32)
WEIGHT = np.array([1.0, 0.5, 2.0, 3.0], np.float32)
PROBABILITY = 1 / (1 + np.exp(-LOGIT))


def value(metric, label=LABEL, prediction=LOGIT, weight=WEIGHT):
    metric.update_state(label, prediction, weight)
    return float(metric.result())


@pytest.mark.parametrize(
    ("kind", "prediction", "rows"),
    [
        (
            metrics.SigmoidLogloss,
            LOGIT,
            -LABEL * np.log(PROBABILITY) - (1 - LABEL) * np.log1p(-PROBABILITY),
        ),
        (metrics.BinaryAccuracy, LOGIT, np.array([1, 1, 0, 0])),
        (metrics.MeanSquaredError, PROBABILITY, (PROBABILITY - LABEL) ** 2),
        (metrics.MeanAbsoluteError, PROBABILITY, np.abs(PROBABILITY - LABEL)),
        (metrics.MeanLabel, PROBABILITY, LABEL),
        (metrics.MeanPrediction, PROBABILITY, PROBABILITY),
    ],
)
def test_metric_is_the_weighted_mean_of_its_rows(kind, prediction, rows):
    expected = (WEIGHT * rows).sum() / WEIGHT.sum()
    assert value(kind("m"), prediction=prediction) == pytest.approx(expected, rel=1e-6)


def test_root_mean_squared_error_is_the_root_of_the_mean():
    expected = np.sqrt((WEIGHT * (LOGIT - LABEL) ** 2).sum() / WEIGHT.sum())
    assert value(metrics.RootMeanSquaredError("m")) == pytest.approx(expected, rel=1e-6)


def test_multi_class_metrics_read_all_logits():
    logits = np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]], np.float32)
    label, weight = np.array([0.0, 1.0], np.float32), np.array([1.0, 3.0], np.float32)
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [0, 1]]
    logloss = value(metrics.SoftmaxLogloss("m"), label, logits, weight)
    assert logloss == pytest.approx((weight * loss).sum() / 4, rel=1e-6)
    assert value(metrics.ClassAccuracy("m"), label, logits, weight) == 0.25


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_recall_at_topk_is_the_share_of_labels_among_the_k_largest_logits(k):
    random = np.random.default_rng(0)
    logits = random.normal(size=(50, 4)).astype(np.float32)
    label = random.integers(0, 4, 50).astype(np.float32)
    weight = random.random(50).astype(np.float32)
    expected = 1.0
    if k < 4:
        expected = top_k_accuracy_score(label, logits, k=k, sample_weight=weight)
    actual = value(metrics.RecallAtTopK("m", k), label, logits, weight)
    assert actual == pytest.approx(expected, rel=1e-6)


def test_recall_at_topk_takes_the_first_of_equal_classes():
    label, logits = np.array([0.0, 1.0, 2.0], np.float32), np.zeros((3, 3), np.float32)
    assert value(metrics.RecallAtTopK("m", 2), label, logits, np.ones(3)) == pytest.approx(2 / 3)
    accuracy = value(metrics.ClassAccuracy("m"), label, logits, np.ones(3))
    assert value(metrics.RecallAtTopK("m", 1), label, logits, np.ones(3)) == accuracy


def test_rows_of_weight_0_do_not_count_whatever_they_hold():
    metric = metrics.MeanSquaredError("m")
    actual = value(metric, [1.0, np.nan], [0.0, np.inf], [2.0, 0.0])
    assert actual == 1.0


def test_no_row_has_no_mean():
    assert np.isnan(value(metrics.MeanLabel("m"), weight=np.zeros(4, np.float32)))


def test_batches_add_up_in_a_graph():
    metric = metrics.MeanPrediction("m")

    @tf.function
    def update(rows):
        metric.update_state(rows, rows, tf.ones_like(rows))

    update(tf.constant([1.0, 2.0]))
    update(tf.constant([6.0, 7.0]))
    assert float(metric.result()) == 4.0


def test_workers_add_up():
    one, other = metrics.RootMeanSquaredError("m"), metrics.RootMeanSquaredError("m")
    one.update_state(LABEL[:3], LOGIT[:3], WEIGHT[:3])
    other.update_state(LABEL[3:], LOGIT[3:], WEIGHT[3:])
    one.merge_state([other])
    expected = value(metrics.RootMeanSquaredError("m"))
    assert float(one.result()) == pytest.approx(expected, rel=1e-9)


def test_sums_keep_a_single_row_beside_a_hundred_million():
    metric = metrics.MeanLabel("m")
    metric.weight.assign(1e8)
    metric.total.assign(1e8)
    metric.update_state([0.0], [0.0], [1.0])
    assert float(metric.result()) == 1e8 / (1e8 + 1)
