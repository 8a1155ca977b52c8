"""Δm against its formula."""

import pytest

from tfmtl.tasks import delta_m

MULTI = {
    "global_step": 10,
    "loss": 0.3,
    "loss_ctr": 0.1,
    "auc_ctr": 0.77,
    "logloss_ctr": 0.22,
    "mean_label_ctr": 0.3,
    "rows_ctr": 90,
    "root_mean_squared_error_price": 1.8,
}
SINGLE = {
    "global_step": 40,
    "loss_ctr": 0.2,
    "auc_ctr": 0.7,
    "logloss_ctr": 0.2,
    "mean_label_ctr": 0.2,
    "rows_ctr": 30,
    "root_mean_squared_error_price": 2.0,
    "auc_other": 0.9,
}


def test_delta_is_the_mean_over_tasks_of_the_mean_over_metrics_less_error_being_better():
    ctr = ((0.77 - 0.7) / 0.7 - (0.22 - 0.2) / 0.2) / 2
    price = -(1.8 - 2.0) / 2.0
    assert delta_m(MULTI, SINGLE) == pytest.approx((ctr + price) / 2)


def test_only_the_named_are_compared_and_losses_if_they_are():
    assert delta_m(MULTI, SINGLE, ["auc_ctr"]) == pytest.approx(0.1)
    assert delta_m(MULTI, SINGLE, ["loss_ctr"]) == pytest.approx(0.5)


def test_a_model_that_is_its_own_twin_has_not_changed():
    assert delta_m(MULTI, MULTI) == 0.0


def test_the_longest_metric_is_the_one_that_a_name_means():
    multi, single = {"recall_at_k_ctr": 0.3, "recall_at_topk_x": 0.2}, {"recall_at_k_ctr": 0.2}
    assert delta_m(multi, single) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("multi", "single", "names", "message"),
    [
        ({"loss": 1.0}, {"loss": 1.0}, None, "Both results should have a metric in common."),
        ({"auc_a": 0.5}, {}, ["auc_a"], "`auc_a` should have a value in both results. Received: "),
        ({"auc_a": None}, {"auc_a": 0.5}, None, "`auc_a` should have a value in both results."),
        ({"auc_a": 0.5}, {"auc_a": 0.0}, None, "`auc_a` of the single-task model should not be 0."),
        (MULTI, SINGLE, ["mean_label_ctr"], "`metrics` should name metrics of which more or less"),
        (MULTI, SINGLE, ["rows_ctr"], "is better. Received: rows_ctr."),
    ],
)
def test_what_cannot_be_compared_is_told(multi, single, names, message):
    with pytest.raises(ValueError) as error:
        delta_m(multi, single, names)
    assert message in str(error.value)
