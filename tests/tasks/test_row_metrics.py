"""Metrics that hold their rows, against scikit-learn and NumPy, group by group."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import ndcg_score, roc_auc_score

from tfmtl.tasks.held_rows import group_ids
from tfmtl.tasks.row_metrics import ExactAUC, GroupedAUC, NDCGAtK, PrecisionAtK, RecallAtK

NAN = float("nan")
RANDOM = np.random.default_rng(5)
ROWS = 200
USER = RANDOM.integers(0, 23, ROWS)
LABEL = (RANDOM.random(ROWS) < 0.3).astype(np.float32)
# Few values, so that many rows of a group are tied.
SCORE = RANDOM.integers(-3, 4, ROWS).astype(np.float32) / 2
WEIGHT = RANDOM.integers(0, 4, ROWS).astype(np.float32) / 2


def value(metric, *columns):
    metric.update_state(*columns)
    return float(metric.result())


def by_user(weight=WEIGHT, label=LABEL):
    """The rows in space of each user: label, score and weight."""
    for user in np.unique(USER):
        rows = (user == USER) & (weight > 0)
        if rows.any():
            yield label[rows], SCORE[rows], weight[rows]


def with_both_classes():
    return [rows for rows in by_user() if 0 < rows[0].mean() < 1]


def ranked(places, label, score, weight):
    """The mean of a quantity over all orders of tied rows, which is tried out by shuffling."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        shuffled = random.permutation(len(label))
        order = shuffled[np.argsort(-score[shuffled], kind="stable")]
        found.append((places(len(label)) * (weight * label)[order]).sum())
    return np.mean(found)


def test_exact_auc_is_that_of_scikit_learn():
    expected = roc_auc_score(LABEL, SCORE, sample_weight=WEIGHT)
    assert value(ExactAUC("auc"), LABEL, SCORE, WEIGHT) == pytest.approx(expected, rel=1e-12)


def test_rows_without_a_user_are_in_no_group():
    users = np.array([b"u", b"u", b"", b"", b"v"])
    metric = GroupedAUC("gauc", "user")
    label, score = np.array([0, 1, 1, 0, 1]), np.array([0.0, 1.0, 0.0, 1.0, 0.0])
    assert value(metric, label, score, np.ones(5), users) == 1.0
    assert metric.groups_told == (
        "1 of 2 groups of `user` are left out, because all their labels are of one class; "
        "so are 2 rows without a `user`"
    )


@pytest.mark.parametrize("nothing", ["", NAN])
def test_without_any_user_there_is_no_value(nothing):
    metric = RecallAtK("recall", "user", 1)
    assert np.isnan(value(metric, np.ones(2), np.zeros(2), np.ones(2), np.array([nothing] * 2)))
    assert metric.undefined == "because no row in its sample space has a `user`"


def test_rows_without_a_user_are_told_where_no_group_is_left_out():
    metric = RecallAtK("recall", "user", 1)
    users = np.array([1.0, NAN])
    assert value(metric, np.ones(2), np.zeros(2), np.ones(2), users) == 1.0
    assert metric.groups_told == "1 rows without a `user` are left out"


REDUCTIONS = {
    "mean": lambda label, weight: 1.0,
    "mean_by_sample_num": lambda label, weight: weight.sum(),
    "mean_by_positive_num": lambda label, weight: (label * weight).sum(),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gauc_is_the_mean_of_the_groups_that_have_both_classes(reduction):
    groups = with_both_classes()
    assert 0 < len(groups) < len(list(by_user()))
    areas = [roc_auc_score(y, score, sample_weight=w) for y, score, w in groups]
    shares = [REDUCTIONS[reduction](y, w) for y, _, w in groups]
    gauc = GroupedAUC("gauc", "user", reduction)
    actual = value(gauc, LABEL, SCORE, WEIGHT, USER)
    assert actual == pytest.approx(np.average(areas, weights=shares), rel=1e-12)
    left_out = len(list(by_user())) - len(groups)
    assert gauc.groups_told == (
        f"{left_out} of {len(list(by_user()))} groups of `user` are left out, because all their "
        "labels are of one class"
    )


@pytest.mark.parametrize("k", [1, 2, 5, 100])
def test_ndcg_is_that_of_scikit_learn_which_shares_the_gain_of_ties(k):
    groups = [(y, s) for y, s, _ in by_user(np.ones(ROWS)) if y.any() and len(y) > 1]
    expected = np.mean([ndcg_score([y], [s], k=k) for y, s in groups])
    sizes = np.bincount(USER)[USER]
    weight = (sizes > 1).astype(np.float32)  # scikit-learn has no order of a single row.
    actual = value(NDCGAtK("ndcg", "user", k), LABEL, SCORE, weight, USER)
    assert actual == pytest.approx(expected, rel=1e-6)


def test_ndcg_weighs_gains_that_are_any_number():
    label, score = np.array([3.0, 0.0, 1.0, -5.0]), np.array([0.1, 0.2, 0.0, 0.3])
    weight = np.array([1.0, 1.0, 4.0, 1.0])
    gain = weight * np.maximum(label, 0)
    discount = 1 / np.log2(np.arange(4) + 2)
    reached = (gain[[3, 1, 0]] * discount[:3]).sum()
    best = (np.sort(gain)[::-1][:3] * discount[:3]).sum()
    actual = value(NDCGAtK("ndcg", "user", 3), label, score, weight, np.zeros(4, np.int64))
    assert actual == pytest.approx(reached / best, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_at_k_are_means_over_all_orders_of_tied_rows(k):
    first = lambda n: np.arange(n) < k  # noqa: E731
    groups = list(by_user())
    hits = [ranked(first, y, s, w) for y, s, w in groups]
    shown = [ranked(first, np.ones_like(y), s, w) for y, s, w in groups]
    precision = value(PrecisionAtK("p", "user", k), LABEL, SCORE, WEIGHT, USER)
    assert precision == pytest.approx(np.mean(np.divide(hits, shown)), abs=0.02)
    all_hits = np.array([(y * w).sum() for y, s, w in groups])
    recall = value(RecallAtK("r", "user", k), LABEL, SCORE, WEIGHT, USER)
    some = all_hits > 0
    assert recall == pytest.approx(np.mean(np.array(hits)[some] / all_hits[some]), abs=0.02)


def test_precision_and_recall_at_k_by_hand():
    #         user a: 1 of 2 shown, of 2 in all   user b: none of 1   user c: tied, ½ of 1, 1 in all
    label = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    score = [3.0, 2.0, 1.0, 4.0, 5.0, 5.0, 5.0, 5.0]
    user = tf.constant(["a", "a", "a", "b", "c", "c", "c", "c"])
    precision = value(PrecisionAtK("p", "user", 2), label, score, np.ones(8), user)
    assert precision == pytest.approx((1 / 2 + 0 + 0.5 / 2) / 3, rel=1e-12)
    recall = RecallAtK("r", "user", 2)
    assert value(recall, label, score, np.ones(8), user) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert recall.groups_told == (
        "1 of 3 groups of `user` are left out, because none of their labels is above 0"
    )


@pytest.mark.parametrize("kind", [GroupedAUC, NDCGAtK, PrecisionAtK, RecallAtK])
def test_batches_and_workers_add_up(kind):
    whole, one, other = (kind("m", "user") for _ in range(3))
    expected = value(whole, LABEL, SCORE, WEIGHT, USER)
    for metric, rows in [(one, slice(0, 60)), (one, slice(60, 90)), (other, slice(90, ROWS))]:
        metric.update_state(LABEL[rows], SCORE[rows], WEIGHT[rows], USER[rows])
    one.merge_state([other])
    assert float(one.result()) == pytest.approx(expected, rel=1e-12)


def test_rows_are_kept_from_inside_of_a_graph_and_forgotten_by_a_reset():
    metric = GroupedAUC("gauc", "user")

    @tf.function(autograph=False)
    def add(label, score, weight, user):
        metric.update_state(label, score, weight, user)

    add(*map(tf.constant, (LABEL, SCORE, WEIGHT, USER)))
    assert float(metric.result()) == value(GroupedAUC("g", "user"), LABEL, SCORE, WEIGHT, USER)
    metric.reset_state()
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ([1.0, 1.0], "because no group of `user` has labels of both classes"),
        ([0.0, 0.0], "because no group of `user` has labels of both classes"),
    ],
)
def test_gauc_without_any_group_of_both_classes_has_no_value_and_says_so(label, reason):
    metric = GroupedAUC("gauc", "user")
    assert np.isnan(value(metric, label, [0.1, 0.2], [1.0, 1.0], [7, 7]))
    assert metric.undefined == reason
    # Of other rows it may have no value for another reason.
    metric.reset_state()
    assert np.isnan(value(metric, [0.0, 1.0], [0.1, np.nan], [1.0, 1.0], [7, 7]))
    assert metric.undefined == metric.groups_told == ""


@pytest.mark.parametrize("kind", [NDCGAtK, RecallAtK])
def test_without_a_positive_row_there_is_no_recall_and_no_ndcg(kind):
    metric = kind("m", "user")
    assert np.isnan(value(metric, [0.0, 0.0], [0.1, 0.2], [1.0, 1.0], [7, 7]))
    assert metric.undefined == "because no group of `user` has a label above 0"


@pytest.mark.parametrize("kind", [GroupedAUC, NDCGAtK, PrecisionAtK, RecallAtK])
def test_no_row_has_no_value(kind):
    assert np.isnan(float(kind("m", "user").result()))
    assert np.isnan(value(kind("m", "user"), [0.0, 1.0], [0.1, 0.2], [0.0, 0.0], [7, 7]))


def test_exact_auc_of_one_class_has_no_value():
    assert np.isnan(value(ExactAUC("auc"), [1.0, 1.0], [0.1, 0.2], [1.0, 1.0]))


def test_a_prediction_that_is_not_a_number_makes_the_value_none():
    columns = [0.0, 1.0, 1.0], [0.1, NAN, 0.2]
    assert np.isnan(value(GroupedAUC("g", "user"), *columns, [1.0, 1.0, 1.0], [7, 7, 7]))
    assert value(GroupedAUC("g", "user"), *columns, [1.0, 0.0, 1.0], [7, 7, 7]) == 1.0


@pytest.mark.parametrize(
    "column",
    [
        tf.constant(["a", "b", "a", ""]),
        tf.constant([7, 2**40, 7, -1], tf.int64),
        tf.constant([0.5, 0.25, 0.5, NAN]),
        tf.constant([7, 8, 7, -1], tf.int32),
    ],
)
def test_groups_are_equal_values_of_any_type(column):
    ids = group_ids(column).numpy()
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3


def test_zero_is_one_group_whatever_its_sign():
    assert len(set(group_ids(tf.constant([0.0, -0.0])).numpy())) == 1
    assert group_ids(tf.constant([True, False, True])).numpy().tolist() == [1, 0, 1]
