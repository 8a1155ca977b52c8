"""Precision and recall at a threshold, and the best F1 over all of them, against scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score, precision_score, recall_score

from tfmtl.tasks.max_f1 import MaxF1
from tfmtl.tasks.thresholds import Precision, Recall

NAN = float("nan")
RANDOM = np.random.default_rng(2)
LABEL = (RANDOM.random(300) < 0.3).astype(np.float32)
LOGIT = (RANDOM.normal(size=300) + LABEL).astype(np.float32)
WEIGHT = RANDOM.integers(0, 4, 300).astype(np.float32)
PROBABILITY = 1 / (1 + np.exp(-LOGIT))


def value(metric, label=LABEL, logit=LOGIT, weight=WEIGHT):
    metric.update_state(label, logit, weight)
    return float(metric.result())


@pytest.mark.parametrize(
    ("kind", "expected"), [(Precision, precision_score), (Recall, recall_score)]
)
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7])
def test_share_is_that_of_scikit_learn(kind, expected, threshold):
    predicted = PROBABILITY >= threshold
    expected = expected(LABEL, predicted, sample_weight=WEIGHT)
    assert value(kind("m", threshold)) == pytest.approx(expected, rel=1e-9)


def test_a_probability_of_one_half_is_a_positive_prediction():
    assert value(Recall("m"), [1.0], [0.0], [1.0]) == 1.0


def test_a_threshold_that_single_precision_calls_1_is_told_from_1():
    assert value(Recall("m", 1 - 1e-9), [1.0, 1.0], [18.0, 22.0], [1.0, 1.0]) == 0.5


def test_max_f1_is_the_largest_over_all_thresholds():
    logit = np.round(LOGIT * 8) / 8  # Each value has a bin of its own.
    best = max(f1_score(LABEL, t <= logit, sample_weight=WEIGHT) for t in np.unique(logit))
    assert value(MaxF1("m"), logit=logit) == pytest.approx(best, rel=1e-9)


def test_max_f1_of_equal_predictions_is_that_of_calling_all_positive():
    share = np.average(LABEL, weights=WEIGHT)
    assert value(MaxF1("m"), logit=np.zeros(300)) == pytest.approx(2 * share / (share + 1))


@pytest.mark.parametrize("kind", [Precision, Recall, MaxF1])
def test_batches_and_workers_add_up(kind):
    one, other = kind("m"), kind("m")

    @tf.function(autograph=False)
    def update(metric, *columns):
        metric.update_state(*columns)

    for metric, rows in [(one, slice(0, 80)), (one, slice(80, 90)), (other, slice(90, 300))]:
        update(metric, *map(tf.constant, (LABEL[rows], LOGIT[rows], WEIGHT[rows])))
    one.merge_state([other])
    assert float(tf.function(lambda: one.result())()) == pytest.approx(value(kind("m")), rel=1e-12)


@pytest.mark.parametrize("kind", [Precision, Recall, MaxF1])
def test_rows_of_weight_0_do_not_count_and_no_row_has_no_value(kind):
    assert value(kind("m"), [1.0, NAN], [1.0, NAN], [1.0, 0.0]) == 1.0
    assert np.isnan(value(kind("m"), weight=np.zeros(300)))


@pytest.mark.parametrize("kind", [Precision, Recall, MaxF1])
def test_a_logit_that_is_not_a_number_makes_the_value_none(kind):
    assert np.isnan(value(kind("m"), [1.0, 0.0, 1.0], [1.0, NAN, 2.0], [1.0, 1.0, 1.0]))


@pytest.mark.parametrize(
    ("kind", "label", "logit", "reason"),
    [
        (Precision, 1.0, -1.0, "because no prediction in its sample space reaches 0.5"),
        (Recall, 0.0, 1.0, "because no label in its sample space is above 0"),
        (MaxF1, 0.0, 1.0, "because no label in its sample space is above 0"),
    ],
)
def test_what_has_no_value_says_why(kind, label, logit, reason):
    metric = kind("m")
    assert np.isnan(value(metric, [label], [logit], [1.0]))
    assert metric.undefined == reason
