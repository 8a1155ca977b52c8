"""COPC, normalized entropy, ECE and reliability against NumPy that sorts all rows."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.calibration_metrics import COPC, ECE, NormalizedEntropy, ReliabilityTable

LABEL = np.array([0.0, 1.0, 1.0, 0.0, 0.25], np.float32)
LOGIT = np.array([-2.0, 0.5, -0.1, 0.0, 3.0], np.float32)
WEIGHT = np.array([1.0, 0.5, 2.0, 3.0, 0.0], np.float32)
P = 1 / (1 + np.exp(-LOGIT.astype(np.float64)))
KINDS = [COPC, NormalizedEntropy, ECE, lambda: ECE(equal_width=True)]


def value(metric, label=LABEL, logit=LOGIT, weight=WEIGHT):
    metric.update_state(label, logit, weight)
    return float(metric.result())


def rows(count=4000, seed=3):
    """Rare events, whose logits are 0.7 too large."""
    random = np.random.default_rng(seed)
    logit = random.normal(-3, 1, count)
    label = random.random(count) < 1 / (1 + np.exp(0.7 - logit))
    return label.astype("float32"), logit.astype("float32"), random.random(count).astype("float32")


def exact_bins(label, logit, weight, num_bins):
    """Where the middle of each row's weight is among the weight of all, in the order of logits."""
    order = np.argsort(logit, kind="stable")
    middle = np.cumsum(weight[order].astype(np.float64)) - weight[order] / 2
    bins = np.empty(len(logit), int)
    bins[order] = np.minimum(middle / weight.sum() * num_bins, num_bins - 1)
    return bins


def error(label, p, weight, bins):
    parts = [np.abs((weight * (label - p))[bins == b].sum()) for b in np.unique(bins)]
    return sum(parts) / weight.sum()


def test_copc_is_labels_over_predictions():
    assert value(COPC()) == pytest.approx((WEIGHT * LABEL).sum() / (WEIGHT * P).sum(), rel=1e-6)


def test_normalized_entropy_is_logloss_over_that_of_the_mean_label():
    losses = -LABEL * np.log(P) - (1 - LABEL) * np.log1p(-P)
    rate = np.average(LABEL, weights=WEIGHT)
    entropy = -rate * np.log(rate) - (1 - rate) * np.log1p(-rate)
    expected = np.average(losses, weights=WEIGHT) / entropy
    assert value(NormalizedEntropy()) == pytest.approx(expected, rel=1e-6)


def test_normalized_entropy_of_the_mean_label_itself_is_1():
    label = np.array([1.0, 0.0, 0.0, 0.0], np.float32)
    logit = np.full(4, -np.log(3), np.float32)
    assert value(NormalizedEntropy(), label, logit, np.ones(4)) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("num_bins", [1, 7, 20])
def test_ece_of_equal_weight_is_near_that_of_sorted_rows(num_bins):
    label, logit, weight = rows()
    p = 1 / (1 + np.exp(-logit))
    expected = error(label, p, weight, exact_bins(label, logit, weight, num_bins))
    assert value(ECE(num_bins=num_bins), label, logit, weight) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("num_bins", [1, 7, 20])
def test_ece_of_equal_width_is_that_of_rows_by_probability(num_bins):
    label, logit, weight = rows()
    p = 1 / (1 + np.exp(-logit.astype(np.float64)))
    expected = error(label, p, weight, (p * num_bins).astype(int))
    actual = value(ECE(num_bins=num_bins, equal_width=True), label, logit, weight)
    assert actual == pytest.approx(expected, rel=1e-6)


def test_ece_keeps_equal_predictions_together():
    """Half of the rows at one logit are positive: no cut through them makes an error of it."""
    label = np.array([0.0, 0.0, 1.0, 1.0], np.float32)
    assert value(ECE(num_bins=4), label, np.zeros(4, np.float32), np.ones(4)) == 0.0


def test_ece_of_a_bin_each_is_the_mean_error():
    label, logit = np.array([0.0, 1.0, 1.0]), np.array([-1.0, 1.0, 2.0])
    expected = np.abs(label - 1 / (1 + np.exp(-logit))).mean()
    assert value(ECE(num_bins=3), label, logit, np.ones(3)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_and_workers_add_up(kind):
    label, logit, weight = rows(300)
    together, parts, worker = kind(), kind(), kind()
    for index in np.split(np.arange(300), 3)[:2]:
        parts.update_state(label[index], logit[index], weight[index])
    value(worker, label[200:], logit[200:], weight[200:])
    for variable, other in zip(parts.variables, worker.variables, strict=True):
        variable.assign_add(other)
    assert float(parts.result()) == pytest.approx(value(together, label, logit, weight), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_0_do_not_count_whatever_they_hold(kind):
    label, logit = np.append(LABEL, np.nan), np.append(LOGIT, np.nan)
    assert value(kind(), label, logit, np.append(WEIGHT, 0.0)) == value(kind())


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_has_no_value(kind):
    assert np.isnan(value(kind(), weight=np.zeros(5, np.float32)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_logit_that_is_not_a_number_makes_the_value_none(kind):
    assert np.isnan(value(kind(), logit=np.array([0.0, np.nan, 1.0, 2.0, 3.0], np.float32)))


@pytest.mark.parametrize("kind", KINDS)
def test_reset_forgets_all_rows(kind):
    metric = kind()
    value(metric)
    metric.reset_state()
    assert np.isnan(float(metric.result()))


def test_one_class_alone_has_copc_and_ece_but_no_normalized_entropy():
    zeros, ones = np.zeros(5, np.float32), np.ones(5, np.float32)
    assert value(COPC(), label=zeros) == 0.0
    assert value(COPC(), label=ones) == pytest.approx(WEIGHT.sum() / (WEIGHT * P).sum())
    expected = np.average(P, weights=WEIGHT)
    assert value(ECE(), label=zeros) == pytest.approx(expected, rel=1e-6)
    assert np.isinf(value(NormalizedEntropy(), label=zeros))
    assert np.isinf(value(NormalizedEntropy(), label=ones))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_of_50_are_numbers(kind):
    logit = np.array([-50.0, 50.0], np.float32)
    right = value(kind(), np.array([0.0, 1.0]), logit, np.ones(2))
    wrong = value(kind(), np.array([1.0, 0.0]), logit, np.ones(2))
    assert np.isfinite([right, wrong]).all()


def test_table_has_the_sums_of_its_bins():
    label, logit, weight = rows()
    table = ReliabilityTable(5)
    table.update_state(label, logit, weight)
    bins = table.result()
    p = 1 / (1 + np.exp(-logit))
    assert [each.weight for each in bins] == pytest.approx([weight.sum() / 5] * 5, rel=0.03)
    assert sum(each.rows for each in bins) == len(label)
    predicted = sum(each.weight * each.mean_prediction for each in bins)
    happened = sum(each.weight * each.mean_label for each in bins)
    assert predicted == pytest.approx((weight * p).sum(), rel=1e-5)
    assert happened == pytest.approx((weight * label).sum(), rel=1e-5)
    for each in bins:
        assert each.copc == pytest.approx(each.mean_label / each.mean_prediction)
    means = [each.mean_prediction for each in bins]
    assert means == sorted(means)


def test_table_leaves_out_bins_without_rows():
    table = ReliabilityTable(9)
    table.update_state([1.0, 0.0], [0.0, 0.0], [1.0, 3.0])
    assert table.result() == [(2, 4.0, 0.5, 0.25, 0.5)]
    table.reset_state()
    assert table.result() == []


def test_table_of_broken_predictions_is_empty():
    table = ReliabilityTable(3)
    table.update_state([1.0, 0.0], [0.0, np.nan], [1.0, 1.0])
    assert table.result() == []


def test_it_works_in_a_graph():
    metric = ECE()

    @tf.function
    def update(label, logit, weight):
        metric.update_state(label, logit, weight)

    update(*map(tf.constant, (LABEL, LOGIT, WEIGHT)))
    assert float(metric.result()) == pytest.approx(value(ECE()))


def test_config_makes_the_same_metric():
    copy = ECE.from_config(ECE("ece_ctr", num_bins=7, equal_width=True).get_config())
    assert (copy.name, copy.num_bins, copy.equal_width) == ("ece_ctr", 7, True)
