"""Streaming AUC against the exact one, which ranks all rows and gives ties their mean rank."""

import numpy as np
import pytest
import tensorflow as tf

from tfmtl.tasks.auc import AUC


def exact_auc(label, logit, weight):
    """P(c⁺ > c⁻) + ½·P(c⁺ = c⁻), over all pairs."""
    positive, negative = label > 0, label <= 0
    wins = np.sign(logit[positive][:, None] - logit[negative][None, :]) / 2 + 0.5
    pairs = weight[positive][:, None] * weight[negative][None, :]
    return (wins * pairs).sum() / pairs.sum()


def streaming_auc(label, logit, weight=None, **arguments):
    metric = AUC(**arguments)
    metric.update_state(label, logit, np.ones_like(label) if weight is None else weight)
    return float(metric.result())


@pytest.mark.parametrize("shift", [-9.0, -4.0, 0.0, 5.0])
@pytest.mark.parametrize("spread", [0.05, 1.0, 3.0])
def test_auc_is_within_a_thousandth_of_the_exact_one(shift, spread):
    random = np.random.default_rng(7)
    label = (random.random(3000) < 0.2).astype(np.float32)
    logit = (shift + spread * (random.normal(size=3000) + label)).astype(np.float32)
    weight = random.random(3000).astype(np.float32)
    expected = exact_auc(label, logit, weight)
    assert streaming_auc(label, logit, weight) == pytest.approx(expected, abs=1e-3)


def test_ties_count_one_half():
    label = np.array([0, 1, 0, 1, 1], np.float32)
    logit = np.array([0.5, 0.5, -1.0, -1.0, 2.0], np.float32)
    expected = exact_auc(label, logit, np.ones(5))
    assert streaming_auc(label, logit) == pytest.approx(expected, abs=1e-9)


def test_equal_logits_give_one_half():
    assert streaming_auc([0.0, 1.0, 1.0], [0.3, 0.3, 0.3]) == 0.5


def test_a_label_above_0_is_positive():
    assert streaming_auc([0.0, 0.1, 3.0], [-1.0, 0.0, 1.0]) == 1.0


def test_rows_of_weight_0_do_not_count_whatever_they_hold():
    label, logit = [0.0, 1.0, 1.0, 0.0], [-1.0, 1.0, -9.0, float("nan")]
    assert streaming_auc(label, logit, weight=[1.0, 1.0, 0.0, 0.0]) == 1.0


def test_a_logit_that_is_not_a_number_makes_auc_not_a_number():
    assert np.isnan(streaming_auc([0.0, 1.0, 1.0], [-1.0, float("nan"), 3.0]))


@pytest.mark.parametrize("label", [[0.0, 0.0], [1.0, 1.0]])
def test_one_class_alone_has_no_auc(label):
    assert np.isnan(streaming_auc(label, [0.2, 0.4]))


def test_no_row_has_no_auc():
    assert np.isnan(streaming_auc([0.0, 1.0], [0.2, 0.4], weight=[0.0, 0.0]))


def test_logits_beyond_the_range_are_ranked_against_those_within():
    assert streaming_auc([0.0, 1.0, 0.0, 1.0], [-80.0, 0.0, 1.0, 80.0]) == 0.75


def test_batches_add_up():
    random = np.random.default_rng(3)
    label = random.integers(0, 2, 30).astype(np.float32)
    logit = random.normal(size=30).astype(np.float32)
    metric = AUC()
    for rows in np.split(np.arange(30), 3):
        metric.update_state(label[rows], logit[rows], tf.ones(10))
    assert float(metric.result()) == pytest.approx(streaming_auc(label, logit), abs=1e-12)


def test_workers_add_up():
    one, other = AUC(), AUC()
    one.update_state([0.0, 1.0], [0.0, 1.0], [1.0, 2.0])
    other.update_state([0.0, 1.0], [2.0, -1.0], [1.0, 3.0])
    one.merge_state([other])
    columns = [np.array(c) for c in ([0, 1, 0, 1], [0.0, 1.0, 2.0, -1.0], [1.0, 2.0, 1.0, 3.0])]
    assert float(one.result()) == pytest.approx(exact_auc(*columns))


def test_fewer_bins_are_coarser():
    assert streaming_auc([0.0, 1.0], [1.0, 2.0], num_thresholds=2) == 0.5
    assert streaming_auc([0.0, 1.0], [1.0, 2.0], num_thresholds=32) == 1.0


def test_reset_forgets_all_rows():
    metric = AUC()
    metric.update_state([0.0, 1.0], [0.0, 1.0], [1.0, 1.0])
    metric.reset_state()
    assert np.isnan(float(metric.result()))


def test_config_makes_the_same_metric():
    config = AUC(name="auc_ctr", num_thresholds=77).get_config()
    copy = AUC.from_config(config)
    assert (copy.name, copy.num_thresholds) == ("auc_ctr", 77)
