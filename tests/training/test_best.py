"""Which evaluation is the best, and when patience ends."""

import pathlib

import pytest
from google.protobuf import text_format
from small_pipeline import make_pipeline

from tfmtl.protos import export_pb2
from tfmtl.training.best import Best, build_best
from tfmtl.training.state import TrainingState
from tfmtl.training.weighted_mean import build_weighted_mean


def play(best, state, script):
    """Feeds evaluations, `[(step, value)]`; returns the steps called the best."""
    called = []
    for state.step, value in script:
        if best.update({"auc_ctr": value}):
            called.append(state.step)
    return called


def test_the_best_is_the_largest_so_far():
    state = TrainingState()
    script = [(1, 0.6), (2, 0.5), (3, 0.6), (4, 0.7), (5, None)]
    assert play(Best("auc_ctr", True, state), state, script) == [1, 4]
    assert (state.best_metric, state.best_value, state.best_step) == ("auc_ctr", 0.7, 4)


def test_the_best_is_the_smallest_so_far_where_less_is_better():
    state = TrainingState()
    assert play(Best("auc_ctr", False, state), state, [(1, 0.6), (2, 0.5), (3, 0.7)]) == [1, 2]


def test_patience_ends_so_many_steps_after_the_best():
    state = TrainingState()
    best = Best("auc_ctr", True, state, patience=20)
    play(best, state, [(10, 0.6), (20, 0.5)])
    assert not best.out_of_patience
    play(best, state, [(30, 0.6)])
    assert best.out_of_patience


def test_patience_does_not_end_between_evaluations():
    state = TrainingState()
    best = Best("auc_ctr", True, state, patience=20)
    state.step = 50
    assert not best.out_of_patience
    play(best, state, [(60, 0.6)])
    state.step = 90
    assert not best.out_of_patience
    play(best, state, [(100, 0.5)])
    assert best.out_of_patience


def test_evaluations_without_a_value_are_told_and_end_no_patience(caplog):
    state = TrainingState()
    best = Best("auc_ctr", True, state, patience=20)
    with caplog.at_level("WARNING", "tfmtl"):
        assert play(best, state, [(1000, None), (2000, None)]) == []
    assert not best.out_of_patience
    assert caplog.messages == [
        f"The evaluation at step {step} cannot be the best: `auc_ctr`, which says so, has no value."
        for step in ("1,000", "2,000")
    ]


def test_without_patience_training_goes_on_for_ever():
    state = TrainingState()
    best = Best("auc_ctr", True, state)
    play(best, state, [(10, 0.6), (10**9, 0.5)])
    assert not best.out_of_patience


def test_the_best_of_another_metric_does_not_count():
    state = TrainingState(best_metric="auc_cvr", best_value=0.9, best_step=3)
    assert play(Best("auc_ctr", True, state), state, [(4, 0.1)]) == [4]


def build(pipeline, export):
    pipeline.export_config.CopyFrom(text_format.Parse(export, export_pb2.ExportConfig()))
    return build_best(pipeline, TrainingState())


@pytest.mark.parametrize(
    ("export", "metric", "bigger"),
    [
        ("", "auc_ctr", True),
        ('best_exporter_metric: "auc_cvr"', "auc_cvr", True),
        ('best_exporter_metric: "logloss"', "logloss_cvr", False),
        ('best_exporter_metric: "loss"', "loss", False),
        ('best_exporter_metric: "loss_cvr" metric_bigger: true', "loss_cvr", True),
        ('best_exporter_metric: "auc" metric_bigger: false', "auc_ctr", False),
        ('best_exporter_metric: "gauc"', None, None),
    ],
)
def test_the_metric_and_its_direction_come_from_the_config(pipeline, export, metric, bigger):
    best = build(pipeline, export)
    assert (best and best.metric, best and best.bigger) == (metric, bigger)


SEVERAL = """
best_exporter_metrics { metric_name: "auc" weight: 3 }
best_exporter_metrics { metric_name: "logloss_cvr" }
"""


def test_of_several_metrics_the_weighted_mean_says_which_is_best(pipeline):
    best = build(pipeline, SEVERAL)
    assert (best.metric, best.bigger) == ("weighted_mean_metric", True)
    assert best.formula == "3*auc_ctr - 1*logloss_cvr"
    mean = build_weighted_mean(pipeline)
    results = {"auc_ctr": 0.7, "logloss_cvr": 0.2, "auc_cvr": 0.9}
    assert mean.of(results) == {"weighted_mean_metric": pytest.approx((3 * 0.7 - 0.2) / 4)}
    assert mean.of({**results, "logloss_cvr": None}) == {"weighted_mean_metric": None}


def test_the_best_by_other_weights_does_not_count(pipeline):
    best = build(pipeline, SEVERAL)
    assert best.update({"weighted_mean_metric": 0.5})
    assert not best.update({"weighted_mean_metric": 0.5})
    other = Best(best.metric, True, best._state, formula="2*auc_ctr - 1*logloss_cvr")
    assert other.update({"weighted_mean_metric": 0.1})


def test_patience_goes_by_several_metrics_too(pipeline):
    assert build(pipeline, SEVERAL + "enable_early_stop: true max_check_steps: 7").patience == 7
    assert build_weighted_mean(make_pipeline(pathlib.Path("m"))) is None


def test_patience_comes_from_the_config(pipeline):
    assert build(pipeline, "max_check_steps: 7").patience is None
    assert build(pipeline, "enable_early_stop: true max_check_steps: 7").patience == 7
