"""Whole trainings of a small pipeline, on DataFrames."""

import copy
import json
import logging
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from small_pipeline import make_pipeline, make_rows
from test_summaries import points

from tfmtl import config
from tfmtl.errors import DataError, TrainingError
from tfmtl.protos import dataset_pb2
from tfmtl.training import evaluate, restore_weights, train
from tfmtl.training.build import build_model, set_threads
from tfmtl.training.checkpoints import list_checkpoints, saved_state
from tfmtl.training.evaluation import Evaluator
from tfmtl.training.saved_variables import model_variables
from tfmtl.training.slices import slices_table

pytestmark = pytest.mark.slow

ROWS, EVAL_ROWS = make_rows(200, 1), make_rows(90, 2)


def run(pipeline, rows=ROWS, eval_rows=EVAL_ROWS, **how):
    return train(pipeline, train_data=rows, eval_data=eval_rows, **how)


def weights(training):
    return {name: v.numpy() for name, v in model_variables(training.model.network).items()}


def assert_same_weights(actual, expected):
    for name, value in weights(expected).items():
        np.testing.assert_array_equal(weights(actual)[name], value, err_msg=name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training of 12 steps that nothing disturbed, its pipeline, and what it told."""
    pipeline = make_pipeline(tmp_path_factory.mktemp("trained"))
    told = []
    result = run(pipeline, on_evaluation=told.append)
    return result, pipeline, told


def test_a_training_ends_at_its_last_step_with_an_evaluation(trained):
    result, _, told = trained
    assert (result.global_step, result.interrupted) == (12, False)
    assert list(result.metrics) == [
        "loss",
        "loss_ctr",
        "auc_ctr",
        "mean_label_ctr",
        "rows_ctr",
        "loss_cvr",
        "auc_cvr",
        "logloss_cvr",
        "rows_cvr",
    ]
    assert (result.metrics["rows_ctr"], result.metrics["rows_cvr"]) == (
        90,
        EVAL_ROWS["buy"].count(),
    )
    assert result.metrics["mean_label_ctr"] == pytest.approx(EVAL_ROWS["click"].mean())
    assert [task.name for task in result.tasks] == ["ctr", "cvr"]
    assert [each.step for each in told] == [4, 8, 12]


def test_the_best_evaluation_is_the_one_of_the_largest_auc(trained):
    result, _, told = trained
    aucs = [each.metrics["auc_ctr"] for each in told]
    best = np.maximum.accumulate(aucs)
    assert [each.is_best for each in told] == [True, *(best[1:] > best[:-1])]
    assert result.best_step == told[int(np.argmax(aucs))].step


def test_a_training_learns_the_planted_signal(trained):
    result, _, told = trained
    assert result.metrics["loss_ctr"] < told[0].metrics["loss_ctr"]


def test_model_dir_holds_config_checkpoints_points_and_results(trained, tmp_path):
    result, pipeline, told = trained
    model_dir = pipeline.model_dir
    assert config.load(os.path.join(model_dir, "pipeline.config"), needs=()) == pipeline
    steps = [path.rsplit("-", 1)[1] for path in list_checkpoints(model_dir)]
    assert steps == ["12", "8", "4"]
    assert len(list_checkpoints(os.path.join(model_dir, "best_ckpt"))) == 1
    with open(os.path.join(model_dir, "eval_result.json"), encoding="utf-8") as file:
        assert json.load(file) == {"global_step": 12, **result.metrics}
    model_dir = type(tmp_path)(model_dir)
    assert {step for step, _ in points(model_dir / "train")} == {2, 4, 6, 8, 10, 12}
    evaluated = points(model_dir / "eval_val")
    assert evaluated[8, "auc_ctr"] == pytest.approx(told[1].metrics["auc_ctr"])


def test_evaluating_a_checkpoint_gives_what_the_training_gave(trained, tmp_path):
    result, pipeline, told = trained
    path = tmp_path / "result.json"
    latest = evaluate(pipeline, data=EVAL_ROWS, result_path=str(path))
    assert (latest.step, latest.metrics) == (12, result.metrics)
    assert json.loads(path.read_text())["auc_ctr"] == result.metrics["auc_ctr"]
    named = evaluate(
        pipeline,
        data=EVAL_ROWS,
        checkpoint=os.path.join(pipeline.model_dir, "model.ckpt-8"),
        result_path=str(path),
    )
    assert named.metrics == told[1].metrics


def test_an_evaluation_tells_slices_and_a_mean_of_several_metrics(trained, tmp_path, caplog):
    result, pipeline, _ = trained
    sliced = copy.deepcopy(pipeline)
    sliced.eval_config.slice_by.append("user")
    sliced.eval_config.max_slice_values = 2
    sliced.model_config.shared_bottom.task_towers[0].metrics_set.add().gauc.uid_field = "tags"
    for name in ("auc", "logloss_cvr"):
        sliced.export_config.best_exporter_metrics.add(metric_name=name)
    sliced.export_config.ClearField("best_exporter_metric")
    caplog.set_level(logging.INFO, "tfmtl")
    path = tmp_path / "result.json"
    actual = evaluate(sliced, data=EVAL_ROWS, result_path=str(path))
    assert list(actual.tables["slices"]["user"])[2:] == ["other"]
    first = next(iter(actual.tables["slices"]["user"]))
    assert actual.tables["slices"]["user"][first]["rows_ctr"] == (EVAL_ROWS["user"] == first).sum()
    written = json.loads(path.read_text())
    assert written == {"global_step": 12, **actual.metrics, **actual.tables}
    assert {name: written[name] for name in result.metrics} == result.metrics
    mean = (result.metrics["auc_ctr"] - result.metrics["logloss_cvr"]) / 2
    assert written["weighted_mean_metric"] == pytest.approx(mean)
    assert 0 < written["gauc_ctr"] < 1
    assert slices_table(actual.tables["slices"]) in caplog.messages


def test_the_same_seed_gives_the_same_model_and_another_seed_another(trained, tmp_path):
    result, _, _ = trained
    pipeline = make_pipeline(tmp_path / "again")
    assert_same_weights(run(pipeline), result)
    pipeline = make_pipeline(tmp_path / "other")
    pipeline.train_config.seed = 7
    assert run(pipeline).metrics != result.metrics


def test_a_training_in_two_runs_ends_as_one_in_one_run(trained, tmp_path):
    result, _, told = trained
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.num_steps = 6
    run(pipeline)
    pipeline.train_config.num_steps = 12
    told_again = []
    second = run(pipeline, continue_train=True, on_evaluation=told_again.append)
    assert_same_weights(second, result)
    assert second.metrics == result.metrics
    assert [each.step for each in told_again] == [6, 8, 12]
    assert told_again[1].metrics == told[1].metrics


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_saves_its_step_and_ends_as_if_it_had_not_been(
    trained, tmp_path, monkeypatch, number
):
    result, _, _ = trained
    pipeline = make_pipeline(tmp_path)
    interrupt_at(5, number, monkeypatch)
    first = run(pipeline)
    assert (first.interrupted, first.global_step) == (True, 5)
    assert list_checkpoints(pipeline.model_dir)[0].endswith("model.ckpt-5")
    monkeypatch.undo()
    second = run(pipeline, continue_train=True)
    assert not second.interrupted
    assert_same_weights(second, result)
    assert (second.metrics, second.best_step) == (result.metrics, result.best_step)


def test_a_training_that_was_interrupted_in_its_last_step_is_evaluated_when_it_goes_on(
    trained, tmp_path, monkeypatch
):
    result, _, _ = trained
    interrupt_at(12, signal.SIGTERM, monkeypatch)
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.save_checkpoints_steps = 100
    first = run(pipeline)
    assert (first.interrupted, first.global_step, first.metrics) == (True, 12, None)
    monkeypatch.undo()
    assert run(pipeline, continue_train=True).metrics == result.metrics


def interrupt_at(step, number, monkeypatch):
    from tfmtl.training.journal import Journal

    after_step = Journal.after_step

    def interrupt(self, losses):
        after_step(self, losses)
        if self._state.step == step:
            signal.raise_signal(number)

    monkeypatch.setattr(Journal, "after_step", interrupt)


def test_an_interrupt_before_the_first_step_saves_what_there_is(tmp_path, monkeypatch):
    from tfmtl.training.stopping import StopSignals

    monkeypatch.setattr(StopSignals, "received", True, raising=False)
    monkeypatch.setattr(StopSignals, "__init__", lambda self: setattr(self, "_previous", {}))
    pipeline = make_pipeline(tmp_path)
    result = run(pipeline)
    assert (result.interrupted, result.global_step) == (True, 0)
    assert list_checkpoints(pipeline.model_dir)[0].endswith("model.ckpt-0")


def test_a_directory_with_checkpoints_is_not_trained_over(trained):
    _, pipeline, _ = trained
    with pytest.raises(TrainingError) as error:
        run(pipeline)
    assert str(error.value) == (
        "`model_dir` should be without checkpoints where a training starts. Received: "
        f"`{pipeline.model_dir}/model.ckpt-12`. Go on from it with --continue_train (in Python: "
        "continue_train=True), or train into another directory."
    )


def test_going_on_from_an_end_says_so_evaluates_and_changes_nothing(trained, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    result, pipeline, _ = trained
    again = run(pipeline, continue_train=True)
    assert (
        "Nothing to train: the model is at step 12, and `train_config.num_steps` is 12."
        in caplog.messages
    )
    assert (again.global_step, again.metrics) == (12, result.metrics)
    assert_same_weights(again, result)


def test_too_few_rows_for_a_batch_are_told_where_smaller_ones_are_left_out(tmp_path):
    pipeline = make_pipeline(tmp_path)
    pipeline.data_config.batch_size, pipeline.data_config.num_epochs = 1000, 1
    pipeline.data_config.drop_remainder = True
    with pytest.raises(DataError) as error:
        run(pipeline)
    assert str(error.value) == (
        "The data should have the rows of a batch at least, where `data_config.drop_remainder` is "
        "true. Received: fewer than 1,000. Set it to false, or `data_config.batch_size` to less."
    )


def test_training_ends_where_the_epochs_end(tmp_path, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.num_steps = 1000
    pipeline.data_config.num_epochs = 2
    result = run(pipeline, eval_rows=None)
    assert result.global_step == 25  # 2 · 200 rows in batches of 16.
    assert result.metrics is None
    assert list_checkpoints(pipeline.model_dir)[0].endswith("model.ckpt-25")
    assert "The data ended after step 25." in caplog.messages


def test_going_on_after_a_smaller_batch_trains_on_every_row_of_the_next_epoch(tmp_path):
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.num_steps = 1000
    pipeline.data_config.num_epochs = 1
    first = run(pipeline, eval_rows=None)
    assert first.global_step == 13  # 200 rows in batches of 16; the last has 8.
    pipeline.data_config.num_epochs = 2
    second = run(pipeline, eval_rows=None, continue_train=True)
    assert second.global_step == 26
    assert saved_state(list_checkpoints(pipeline.model_dir)[0]).rows == 400


def test_each_evaluation_of_a_training_tells_the_bad_rows_that_it_left_out(tmp_path, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    pipeline = make_pipeline(tmp_path)
    pipeline.data_config.bad_rows = dataset_pb2.DatasetConfig.SKIP
    pipeline.eval_input_path = str(tmp_path / "eval.csv")
    EVAL_ROWS.replace({"price": {EVAL_ROWS["price"][7]: "cheap"}}).to_csv(
        pipeline.eval_input_path, index=False, header=False
    )
    result = run(pipeline, eval_rows=None)
    assert result.metrics["rows_ctr"] == 89
    told = [text for text in caplog.messages if "evaluation at" in text or "bad rows" in text]
    assert told[::2] == ["1 bad rows were left out."] * 3
    assert [text[:22] for text in told[1::2]] == [
        "evaluation at step 4 ·",
        "evaluation at step 8 ·",
        "evaluation at step 12 ",
    ]


def test_training_stops_early_when_the_metric_does_not_improve(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    pipeline = make_pipeline(tmp_path)
    pipeline.train_config.num_steps = 1000
    pipeline.data_config.num_epochs = 1000
    pipeline.export_config.enable_early_stop = True
    pipeline.export_config.max_check_steps = 8
    script = iter([0.5, 0.6, 0.7, 0.65, 0.69, 0.9])
    monkeypatch.setattr(Evaluator, "run", lambda self, stopped: {"auc_ctr": next(script)})
    result = run(pipeline)
    assert (result.global_step, result.best_step) == (20, 12)
    assert "Training stops early: the best `auc_ctr` is 0.7, of step 12." in caplog.messages
    network = build_model(pipeline)[1].network
    assert restore_weights(network, pipeline.model_dir, "best")[1] == 12


def test_a_label_that_cannot_be_learned_stops_with_its_step_and_task(tmp_path):
    pipeline = make_pipeline(tmp_path)
    pipeline.data_config.shuffle = False
    rows = ROWS.copy()
    rows.loc[100, "click"] = 7.0  # In batch 7.
    with pytest.raises(TrainingError) as error:
        run(pipeline, rows)
    assert "Received at step 7: `loss_ctr` is nan.\n" in str(error.value)
    assert "The label of task `ctr` (`click`) should be from 0 to 1. Received: 7." in str(
        error.value
    )
    assert restore_weights(build_model(pipeline)[1].network, pipeline.model_dir)[1] == 4


def test_steps_that_are_too_large_stop_with_the_learning_rate(tmp_path):
    pipeline = make_pipeline(tmp_path)
    optimizer = pipeline.train_config.optimizer_config[0].sgd_optimizer
    optimizer.learning_rate.constant_learning_rate.learning_rate = 1e38
    with pytest.raises(TrainingError) as error:
        run(pipeline)
    assert "Steps are too large: the learning rate is 1e+38 here." in str(error.value)


def test_a_model_that_does_not_fit_into_memory_is_told(tmp_path):
    pipeline = make_pipeline(tmp_path)
    feature = pipeline.feature_config.features[0]
    feature.hash_bucket_size = 1 << 40
    with pytest.raises(TrainingError) as error:
        run(pipeline)
    assert str(error.value) == (
        "The model and its batches should fit into memory. Received: a tensor of shape "
        f"[{1 << 40},{feature.embedding_dim}]. Fewer ids, narrower embeddings and layers or "
        "smaller batches need less."
    )


def test_a_failure_in_the_middle_leaves_the_last_good_checkpoint(trained, tmp_path):
    result, _, _ = trained
    pipeline = make_pipeline(tmp_path)

    def fail(evaluation):
        if evaluation.step == 8:
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(pipeline, on_evaluation=fail)
    assert_same_weights(run(pipeline, continue_train=True), result)


def test_who_refuses_the_model_as_it_is_built_ends_it_before_anything_is_written(tmp_path):
    def refuse(model):
        assert model.network.get_layer("ctr_logits")
        raise TrainingError("not this one")

    with pytest.raises(TrainingError, match="not this one"):
        run(make_pipeline(tmp_path / "model"), on_build=refuse)
    assert not (tmp_path / "model").exists()


def test_going_on_with_another_model_is_one_error(trained, tmp_path):
    _, pipeline, _ = trained
    changed = type(pipeline)()
    changed.CopyFrom(pipeline)
    changed.model_config.shared_bottom.bottom_dnn.hidden_units[0] = 7
    with pytest.raises(TrainingError, match="model/bottom/dense_0/kernel: "):
        run(changed, continue_train=True)
    saved = config.load(os.path.join(pipeline.model_dir, "pipeline.config"), needs=())
    assert saved.model_config.shared_bottom.bottom_dnn.hidden_units == [6]


def test_no_rows_to_train_on_are_an_error(tmp_path):
    with pytest.raises(DataError):
        run(make_pipeline(tmp_path), ROWS[:0])


def test_a_second_model_of_a_process_has_the_names_of_the_first(pipeline):
    names = [[v.name for v in build_model(pipeline)[1].network.variables] for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])


def test_building_leaves_keras_random_generator_as_it_was(pipeline):
    build_model(pipeline)
    assert not tf.keras.backend.experimental.is_tf_random_generator_enabled()


def test_threads_that_can_no_longer_be_set_are_told(pipeline, caplog):
    tf.zeros(1).numpy()  # TensorFlow runs.
    pipeline.train_config.intra_op_parallelism_threads = 3
    set_threads(pipeline.train_config)
    assert "have no effect: TensorFlow is already running in this process." in caplog.text


def test_a_training_of_features_that_changed_does_not_go_on(trained):
    _, pipeline, _ = trained
    changed = copy.deepcopy(pipeline)
    raw = next(each for each in config.features(changed) if each.feature_type == each.RawFeature)
    name = config.feature_name(raw)
    column = next(
        each for each in changed.data_config.input_fields if each.input_name == raw.input_names[0]
    )
    column.default_val = "77"
    rule = f"should have learned the features as the config makes them.* of `{name}`\\."
    with pytest.raises(TrainingError, match=rule):
        run(changed, continue_train=True)
    with pytest.raises(TrainingError, match=rule):
        evaluate(changed, data=EVAL_ROWS)
