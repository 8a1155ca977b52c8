"""Evaluations of the score, and of other tasks' predictions."""

import copy
import logging

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from sklearn import metrics as sklearn_metrics
from small_pipeline import make_pipeline, make_rows

from tfmtl import config
from tfmtl.training import evaluate, train
from tfmtl.training.build import build_model, open_evaluation, open_training
from tfmtl.training.evaluation import Evaluator
from tfmtl.training.slices import Slice, Slices

pytestmark = pytest.mark.slow

CHANGES = """
data_config { input_fields { input_name: "boost" input_type: FLOAT default_val: "2" } }
model_config {
  score { expression: "ctr * cvr ^ a * boost" weights { name: "a" default_value: 0.5 } }
}
export_config { best_exporter_metric: "auc_cvr_by_score" }
"""
JUDGED = (
    """metrics_set { auc {} prediction: "score" } metrics_set { logloss {} prediction: "cvr" }
       metrics_set { auc {} prediction: "cvr" }""",
    """metrics_set { auc {} prediction: "score" }
       metrics_set { mean_prediction {} prediction: "ctr" }""",
)


def rows_with_boost(count, seed):
    rows = make_rows(count, seed)
    rows["boost"] = np.random.default_rng(seed).choice([0.0, 1.0, 50.0, np.nan], count)
    return rows


EVAL_ROWS = rows_with_boost(90, 2)


def scored_pipeline(directory):
    pipeline = text_format.Merge(CHANGES, make_pipeline(directory))
    for tower, judged in zip(pipeline.model_config.shared_bottom.task_towers, JUDGED, strict=True):
        text_format.Merge(judged, tower)
    return pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return scored_pipeline(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def built(pipeline):
    """The columns and the model, untrained."""
    return build_model(pipeline)


def evaluated(pipeline, columns, model, rows=EVAL_ROWS):
    return Evaluator(model, open_evaluation(pipeline, columns, model.measured, rows)).run()


@pytest.fixture(scope="module")
def results(pipeline, built):
    return evaluated(pipeline, *built)


@pytest.fixture(scope="module")
def probabilities(built):
    """What each task predicts of the evaluation's rows."""
    columns, model = built
    raw = {name: tf.constant(EVAL_ROWS[name]) for name in ("user", "tags", "price")}
    logits = model.network(columns.encode(raw), training=False)
    return {task: 1 / (1 + np.exp(-c.numpy()[:, 0].astype(float))) for task, c in logits.items()}


def test_other_predictions_are_judged_by_the_labels_and_in_the_spaces_of_tasks(
    results, probabilities
):
    ctr, cvr = probabilities["ctr"], probabilities["cvr"]
    score = ctr * cvr**0.5 * EVAL_ROWS["boost"].fillna(2)
    click, buy = EVAL_ROWS["click"], EVAL_ROWS["buy"]
    known, auc = buy.notna(), sklearn_metrics.roc_auc_score
    expected = {
        "auc_ctr_by_score": auc(click, score),
        "logloss_ctr_by_cvr": sklearn_metrics.log_loss(click, cvr),
        "auc_ctr_by_cvr": auc(click, cvr),
        "auc_cvr_by_score": auc(buy[known], score[known]),
        "mean_prediction_cvr_by_ctr": ctr[known].mean(),
    }
    measured = {name: value for name, value in results.items() if "_by_" in name}
    assert measured == pytest.approx(expected, rel=1e-5)


def test_results_are_those_that_the_config_names(results, pipeline):
    rows = ["rows_ctr", "rows_cvr"]
    assert sorted(results) == sorted([*config.result_names(pipeline), *rows])


def test_judges_are_no_tasks_and_have_no_loss(built, results):
    _, model = built
    assert [task.name for task in model.tasks] == ["ctr", "cvr"]
    assert results["loss"] == pytest.approx(results["loss_ctr"] + results["loss_cvr"])


def test_only_evaluations_read_the_columns_of_the_score(pipeline, built):
    columns, model = built
    learned = open_training(pipeline, columns, model, EVAL_ROWS).dataset().element_spec[1]
    judged = open_evaluation(pipeline, columns, model.measured, EVAL_ROWS).dataset().element_spec[1]
    assert set(learned) == {"click", "buy"}
    assert set(judged) == {"click", "buy", "boost"}


def test_a_space_without_rows_judges_nothing(pipeline, built, caplog):
    caplog.set_level(logging.WARNING, "tfmtl")
    results = evaluated(pipeline, *built, EVAL_ROWS.assign(buy=np.nan))
    assert results["auc_cvr_by_score"] is None
    assert results["auc_ctr_by_score"] is not None
    assert [each for each in caplog.messages if "cvr_by_score" in each] == [
        "Task `cvr_by_score`: `auc_cvr_by_score` has no value, because no row with a known label "
        "is in its sample space."
    ]


def test_slices_are_judged_as_well(built, pipeline, results):
    columns, model = built
    sliced = copy.deepcopy(pipeline)
    sliced.eval_config.slice_by.append("user")
    batches = open_evaluation(sliced, columns, model.measured, EVAL_ROWS)
    slices = Slices([*model.tasks, *model.judges], [Slice("user", ["user"])], max_values=1)
    evaluator = Evaluator(model, batches, slices=slices)
    evaluator.run()
    parts = list(evaluator.tables["slices"]["user"].values())
    rows = [part["rows_cvr"] for part in parts]
    assert sum(rows) == EVAL_ROWS["buy"].notna().sum()
    mean = np.average([part["mean_prediction_cvr_by_ctr"] for part in parts], weights=rows)
    assert mean == pytest.approx(results["mean_prediction_cvr_by_ctr"], rel=1e-5)


def test_keras_judges_alike(pipeline, built, results):
    columns, model = built
    batches = open_evaluation(pipeline, columns, model.measured, EVAL_ROWS)
    model.compile("sgd")
    measured = model.evaluate(batches.dataset(), return_dict=True, verbose=0)
    assert measured["auc_cvr_by_score"] == pytest.approx(results["auc_cvr_by_score"])


@pytest.fixture(scope="module")
def trained(pipeline):
    return train(pipeline, train_data=rows_with_boost(200, 1), eval_data=EVAL_ROWS)


def test_the_score_says_which_model_is_best(trained):
    assert trained.best_step in (4, 8, 12)


def test_a_checkpoint_is_judged_alike(trained, pipeline, tmp_path):
    again = evaluate(pipeline, data=EVAL_ROWS, result_path=str(tmp_path / "result.json"))
    assert again.metrics == pytest.approx(trained.metrics)


def test_a_checkpoint_knows_nothing_of_judges(trained, pipeline, tmp_path):
    plain = copy.deepcopy(pipeline)
    for tower in plain.model_config.shared_bottom.task_towers:
        own = config.own_metrics(tower)
        del tower.metrics_set[:]
        tower.metrics_set.extend(own)
    plain.model_config.ClearField("score")
    plain.export_config.best_exporter_metric = "auc_ctr"
    results = evaluate(plain, data=EVAL_ROWS, result_path=str(tmp_path / "result.json")).metrics
    assert results == pytest.approx(
        {name: value for name, value in trained.metrics.items() if "_by_" not in name}
    )


@pytest.mark.parametrize("prediction", ["", 'prediction: "score"'])
def test_a_task_in_click_space_is_judged_on_all_rows_when_asked(
    pipeline, built, probabilities, prediction
):
    """The label tells of a purchase whether there was a click or not."""
    entire = copy.deepcopy(pipeline)
    tower = entire.model_config.shared_bottom.task_towers[1]
    tower.task_space_indicator_label, tower.out_task_space_weight = "click", 0.0
    asked = f"{prediction} entire_space: true"
    text_format.Merge(f"metrics_set {{ auc {{}} {asked} }}", tower)
    assert config.validate(entire, needs=()) == []
    rows = EVAL_ROWS.assign(buy=(EVAL_ROWS["price"] > 0).astype("float32"))
    columns, model = build_model(entire)
    model.network.set_weights(built[1].network.get_weights())
    results = evaluated(entire, columns, model, rows)
    ctr, cvr = probabilities["ctr"], probabilities["cvr"]
    score = ctr * cvr**0.5 * rows["boost"].fillna(2) if prediction else cvr
    clicked, auc = rows["click"] == 1, sklearn_metrics.roc_auc_score
    name = "cvr_by_score_entire" if prediction else "cvr_entire"
    assert results[f"auc_{name}"] == pytest.approx(auc(rows["buy"], score), rel=1e-5)
    own = auc(rows["buy"][clicked], cvr[clicked])
    assert results["auc_cvr"] == pytest.approx(own, abs=5e-3)  # By bins.
    assert (results["rows_cvr"], results["rows_cvr_entire"]) == (clicked.sum(), len(rows))
    assert f"auc_{name}" in config.result_names(entire)
