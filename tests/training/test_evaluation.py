"""Evaluations: exact over batches of any size, honest about what has no value."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf
from small_network import FakeBatches, make_batch, make_model, make_network, make_tasks
from test_model import log_loss

from tfmtl.errors import DataError, TrainingError
from tfmtl.tasks import BinaryHead, SampleSpace, Task
from tfmtl.tasks.space import ColumnLabel
from tfmtl.training import MultiTaskModel
from tfmtl.training.evaluation import Evaluator, LeftOff, results_line, write_results
from tfmtl.training.weighted_mean import WeightedMean

BATCHES = [make_batch(rows=5, seed=1), make_batch(rows=5, seed=2), make_batch(rows=3, seed=3)]


def evaluate(model, batches=BATCHES, **how):
    return Evaluator(model, FakeBatches(batches), **how).run()


def all_rows(batches, model):
    logits = [model.network(encoded, training=False) for encoded, _ in batches]
    return {
        task: log_loss(
            np.concatenate([each[task] for each in logits]),
            np.concatenate([targets[column].numpy() for _, targets in batches]),
        )
        for task, column in [("ctr", "click"), ("cvr", "buy")]
    }


def with_targets(batch, **targets):
    return batch[0], {**batch[1], **{k: tf.constant(v, tf.float32) for k, v in targets.items()}}


def test_losses_are_means_over_all_rows_in_the_sample_space_not_over_batches():
    model = make_model()
    results, expected = evaluate(model), all_rows(BATCHES, model)
    assert results["loss_ctr"] == pytest.approx(expected["ctr"], rel=1e-5)
    assert results["loss_cvr"] == pytest.approx(expected["cvr"], rel=1e-5)
    assert results["loss"] == pytest.approx(expected["ctr"] + 2 * expected["cvr"], rel=1e-5)
    assert results["logloss_cvr"] == pytest.approx(results["loss_cvr"], rel=1e-5)


def test_rows_in_each_sample_space_are_counted():
    results = evaluate(make_model())
    assert (results["rows_ctr"], results["rows_cvr"]) == (13, 10)  # Of 3 batches, all but a first.


def test_a_weighted_mean_of_results_is_a_result():
    results = evaluate(make_model(), mean=WeightedMean([("auc_ctr", 3.0), ("logloss_cvr", -1.0)]))
    expected = (3 * results["auc_ctr"] - results["logloss_cvr"]) / 4
    assert results["weighted_mean_metric"] == pytest.approx(expected)


def test_what_has_no_value_for_different_reasons_is_told_apart(caplog):
    metrics = {"precision": {"threshold": 0.999}, "recall": {}, "auc": {"exact": True}}
    space = SampleSpace(ColumnLabel("click"))
    task = Task("ctr", BinaryHead(), space, metrics={**metrics, "gauc": {"uid_field": "click"}})
    batches = [with_targets(batch, click=[0.0] * 5) for batch in BATCHES[:2]]
    evaluate(MultiTaskModel(make_network(), [task]), batches)
    assert caplog.messages == [
        "Task `ctr`: `precision_ctr` has no value, because no prediction in its sample space "
        "reaches 0.999.",
        "Task `ctr`: `recall_ctr` has no value, because no label in its sample space is above 0.",
        "Task `ctr`: `auc_ctr` has no value, because all rows in its sample space have labels of "
        "one class.",
        "Task `ctr`: `gauc_ctr` has no value, because no group of `click` has labels of both "
        "classes.",
    ]


def test_groups_that_are_left_out_are_counted(caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    task = Task(
        "ctr",
        BinaryHead(),
        SampleSpace(ColumnLabel("click")),
        metrics={"gauc": {"uid_field": "buy"}},
    )
    batches = [with_targets(BATCHES[0], click=[0, 1, 1, 1, 0], buy=[7, 7, 8, 8, 9])]
    evaluate(MultiTaskModel(make_network(), [task]), batches)
    assert caplog.messages == [
        "Task `ctr`: `gauc_ctr`: 2 of 3 groups of `buy` are left out, because all their labels are "
        "of one class."
    ]


def test_evaluating_twice_gives_the_same():
    evaluator = Evaluator(make_model(), FakeBatches(BATCHES))
    assert evaluator.run() == evaluator.run()


@pytest.mark.parametrize(("num_examples", "batches"), [(5, 1), (6, 2), (0, 3), (100, 3)])
def test_num_examples_is_rounded_up_to_whole_batches(num_examples, batches):
    model = make_model()
    expected = all_rows(BATCHES[:batches], model)["ctr"]
    actual = evaluate(model, num_examples=num_examples)["loss_ctr"]
    assert actual == pytest.approx(expected, rel=1e-5)


def test_a_task_whose_sample_space_is_empty_has_no_values_and_the_reason_is_told(caplog):
    model = make_model()
    batches = [with_targets(batch, buy=[np.nan] * 5) for batch in BATCHES[:2]]
    results = evaluate(model, batches)
    assert [results[n] for n in ("loss_cvr", "auc_cvr", "logloss_cvr")] == [None] * 3
    assert results["loss"] == pytest.approx(results["loss_ctr"])
    assert caplog.messages == [
        "Task `cvr`: `loss_cvr`, `auc_cvr`, `logloss_cvr` have no value, because no row with a "
        "known label is in its sample space."
    ]


def test_without_a_row_in_any_sample_space_there_is_no_loss():
    nothing = [with_targets(BATCHES[0], click=[np.nan] * 5, buy=[np.nan] * 5)]
    results = evaluate(make_model(), nothing)
    assert (results["loss"], results["rows_ctr"], results["rows_cvr"]) == (None, 0, 0)


def test_auc_of_one_class_has_no_value_and_the_reason_is_told(caplog):
    batches = [with_targets(batch, click=[1.0] * 5) for batch in BATCHES[:2]]
    results = evaluate(make_model(), batches)
    assert results["auc_ctr"] is None
    assert results["logloss_ctr"] is not None
    assert caplog.messages == [
        "Task `ctr`: `auc_ctr` has no value, because all rows in its sample space have labels of "
        "one class."
    ]


def test_a_model_that_answers_nan_is_told(caplog):
    model = make_model()
    model.network.get_layer("ctr").bias.assign([np.nan])
    assert evaluate(model)["loss_ctr"] is None
    assert "because the model's own answers are not finite numbers." in caplog.messages[0]


def test_so_is_a_task_of_it_that_has_no_loss(caplog):
    first, _ = make_tasks()
    watched = Task("cvr", BinaryHead(), SampleSpace(ColumnLabel("buy")), trained=False)
    model = MultiTaskModel(make_network(), [first, watched])
    model.network.get_layer("cvr").bias.assign([np.nan])
    evaluate(model)
    assert caplog.messages == [
        "Task `cvr`: `auc_cvr`, `logloss_cvr` have no value, because the model's own answers are "
        "not finite numbers."
    ]


def test_a_label_that_cannot_be_learned_is_an_error():
    bad = with_targets(BATCHES[1], click=[0, 1, 7, 0, 1])
    with pytest.raises(DataError) as error:
        evaluate(make_model(), [BATCHES[0], bad])
    assert str(error.value) == (
        "The label of task `ctr` (`click`) should be from 0 to 1. Received: 7."
    )


def test_no_rows_are_an_error():
    with pytest.raises(DataError, match="No rows."):
        evaluate(make_model(), [])


def test_an_evaluation_can_be_left_off():
    with pytest.raises(LeftOff):
        Evaluator(make_model(), FakeBatches(BATCHES)).run(stopped=lambda: True)


def test_results_are_written_as_json_with_null_for_what_has_no_value(tmp_path):
    path = tmp_path / "eval_result.json"
    write_results(str(path), 12, {"loss": 0.5, "auc_ctr": None})
    assert json.loads(path.read_text()) == {"global_step": 12, "loss": 0.5, "auc_ctr": None}
    assert [each.name for each in tmp_path.iterdir()] == ["eval_result.json"]


def test_results_that_cannot_be_written_are_told_of(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "eval_result.json"
    with pytest.raises(TrainingError) as error:
        write_results(str(path), 12, {"loss": 0.5})
    assert f"The results of the evaluation in `{path}` could not be written: " in str(error.value)


def test_results_are_told_in_one_line():
    line = results_line(1000, {"loss": 0.412345, "auc_ctr": None, "rows_ctr": 1234567})
    assert line == "evaluation at step 1,000 · loss 0.41235 · auc_ctr none · rows_ctr 1,234,567"


@pytest.fixture(autouse=True)
def warnings(caplog):
    caplog.set_level(logging.WARNING, "tfmtl")
