"""Reliability tables of an evaluation, as data and as text."""

import numpy as np
import pytest
from small_network import FakeBatches, make_batch, make_network, make_tasks

from tfmtl.training.evaluation import Evaluator
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.reliability import reliability_texts, sliced_texts

BATCHES = [make_batch(rows=5, seed=1), make_batch(rows=4, seed=2)]


def evaluator(bins, batches=BATCHES):
    return Evaluator(
        MultiTaskModel(make_network(), make_tasks(), reliability_bins=bins), FakeBatches(batches)
    )


def test_tables_are_of_each_task_in_its_space_and_start_anew_with_each_evaluation():
    made = evaluator(3)
    made.run()
    tables = made.tables["reliability"]
    known = sum(np.isfinite(targets["buy"]).sum() for _, targets in BATCHES)
    assert {task: sum(each["rows"] for each in bins) for task, bins in tables.items()} == {
        "ctr": 9,
        "cvr": known,
    }
    clicks = sum(each["weight"] * each["mean_label"] for each in tables["ctr"])
    assert clicks == sum(targets["click"].numpy().sum() for _, targets in BATCHES)
    assert list(tables["ctr"][0]) == ["rows", "weight", "mean_prediction", "mean_label", "copc"]
    made.run()
    assert made.tables == {"reliability": tables}


def test_without_bins_there_are_no_tables():
    assert evaluator(0).tables == {}


def test_a_task_whose_space_is_empty_has_no_table():
    encoded, targets = BATCHES[0]
    made = evaluator(2, [(encoded, {**targets, "buy": targets["buy"] * np.nan})])
    made.run()
    assert list(made.tables["reliability"]) == ["ctr"]


def test_tables_are_written_in_columns():
    bins = [
        {"rows": 12000, "mean_prediction": 0.0102134, "mean_label": 0.01, "copc": 0.979106},
        {"rows": 7, "mean_prediction": 0.0, "mean_label": 0.5, "copc": None},
    ]
    (text,) = reliability_texts({"ctr": bins})
    assert text.splitlines() == [
        "reliability of ctr",
        "        rows   predicted    observed     copc",
        "      12,000    0.010213        0.01   0.9791",
        "           7           0         0.5     none",
    ]


def test_tables_by_slice_have_a_line_for_each_value_and_a_column_for_each_bin():
    low = {"rows": 30, "weight": 30.0, "mean_prediction": 0.1, "mean_label": 0.2, "copc": 2.0}
    high = {"rows": 10, "weight": 10.0, "mean_prediction": 0.5, "mean_label": 0.4, "copc": 0.8}
    none = {"rows": 5, "weight": 5.0, "mean_prediction": 0.0, "mean_label": 0.0, "copc": None}
    tables = {"city": {"oslo": {"ctr": [low, high], "cvr": [low]}, "": {"ctr": [none]}}}
    ctr, cvr = sliced_texts(tables)
    assert ctr.splitlines() == [
        "reliability of ctr by city, and copc from low predictions to high ones",
        "              rows   predicted    observed     copc",
        "  oslo          40         0.2        0.25     1.25        2      0.8",
        '  ""             5           0           0     none     none',
    ]
    assert cvr.splitlines()[2] == "  oslo          30         0.1         0.2        2        2"


def test_no_tables_are_no_text():
    assert list(reliability_texts({})) == [] == list(sliced_texts({}))


@pytest.mark.parametrize(
    ("metric", "bigger"), [("normalized_entropy_ctr", False), ("ece_ctr", False), ("auc_ctr", True)]
)
def test_the_direction_of_metrics_of_calibration_is_known(pipeline, metric, bigger):
    from tfmtl.training.best import build_best
    from tfmtl.training.state import TrainingState

    metrics = pipeline.model_config.shared_bottom.task_towers[0].metrics_set
    metrics.add().normalized_entropy.SetInParent()
    metrics.add().ece.SetInParent()
    pipeline.export_config.best_exporter_metric = metric
    assert build_best(pipeline, TrainingState()).bigger == bigger
