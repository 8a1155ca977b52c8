"""Metrics of the batches that a training learns from."""

import pathlib

import numpy as np
import pytest
from google.protobuf import text_format
from small_network import make_batch, make_network, make_tasks
from small_pipeline import make_rows

from tests.training.test_summaries import points
from tfmtl import config
from tfmtl.protos import train_pb2
from tfmtl.tasks.balancing import Plan, task_parts
from tfmtl.tasks.balancing.mgda import MGDA
from tfmtl.training import LazyAdam, MultiTaskModel
from tfmtl.training.journal import Journal
from tfmtl.training.online import OnlineMetrics
from tfmtl.training.run import train
from tfmtl.training.state import TrainingState

BATCHES = [make_batch(rows=5, seed=1), make_batch(rows=7, seed=2), make_batch(rows=6, seed=3)]


def compiled(plan=None):
    model = MultiTaskModel(make_network(), make_tasks(), plan, measures_training=True)
    model.compile(LazyAdam(0.1))
    return model


def told_before(model, batch):
    """The metrics of a batch as the model is now; nothing in it is random."""
    online = OnlineMetrics(model.tasks)
    online.update(model.network(batch[0], training=True), batch[1])
    return online.take()


def test_a_batch_is_measured_before_the_model_learns_from_it():
    model = compiled()
    before = told_before(model, BATCHES[0])
    model.train_step(BATCHES[0])
    assert model.online.take() == before
    assert told_before(model, BATCHES[0]) != before


def test_batches_count_together_until_they_are_told():
    model = compiled()
    for batch in BATCHES[:2]:
        model.train_step(batch)
    told = model.online.take()
    clicks = np.concatenate([targets["click"] for _, targets in BATCHES[:2]])
    buys = np.concatenate([targets["buy"] for _, targets in BATCHES[:2]])
    assert set(told) == {"auc_ctr", "logloss_ctr", "auc_cvr", "logloss_cvr"}
    assert 0 < clicks.mean() < 1 and 0 < np.nanmean(buys) < 1
    model.train_step(BATCHES[2])
    assert model.online.take()["logloss_ctr"] != told["logloss_ctr"]
    assert model.online.take() == dict.fromkeys(told)  # Nothing has been seen since.


def test_a_task_without_a_loss_is_measured_where_gradients_are_compared():
    tasks = make_tasks()
    third = make_tasks()[0]
    third.name, third._suffix, third.trained, third.terms = "third", "third", False, []
    network = make_network()
    network = type(network)(network.input, {**network.output, "third": network.output["cvr"] * 2})
    plan = Plan("mgda", task_parts(tasks), MGDA(2))
    model = MultiTaskModel(network, [*tasks, third], plan, measures_training=True)
    model.compile(LazyAdam(0.1))
    before = told_before(model, BATCHES[0])
    model.train_step(BATCHES[0])
    assert model.online.take() == pytest.approx(before)
    assert before["logloss_third"] is not None


def test_a_journal_tells_them_with_its_points_and_the_rest_at_the_end(tmp_path, caplog):
    model, state = compiled(), TrainingState()
    settings = train_pb2.TrainConfig(save_summary_steps=2, log_step_count_steps=100)
    journal = Journal(settings, str(tmp_path), model, state)
    with caplog.at_level("INFO", logger="tfmtl"):
        for batch in BATCHES:
            losses = model.train_step(batch)
            state.step += 1
            journal.after_step(losses)
        journal.finish()
        journal.finish()
    journal.close()
    told = [m.split(" · ")[0] for m in caplog.messages if m.startswith("training of")]
    assert told == ["training of steps 1 to 2", "training of steps 3 to 3"]
    written = points(tmp_path / "train")
    assert {step for step, tag in written if tag == "logloss_cvr"} == {2, 3}


@pytest.mark.slow
def test_a_training_measures_what_it_learns_from_when_asked(pipeline):
    tower = pipeline.model_config.shared_bottom.task_towers[0]
    text = 'metrics_set { gauc { uid_field: "tags" } } metrics_set { auc {} prediction: "score" }'
    text_format.Merge(text, tower)
    text_format.Merge('score { expression: "ctr * cvr + price" }', pipeline.model_config)
    pipeline.eval_config.eval_online = True
    assert config.validate(pipeline, needs=()) == []
    train(pipeline, train_data=make_rows(200, 0), eval_data=make_rows(60, 1))
    written = points(pathlib.Path(pipeline.model_dir) / "train")
    names = {tag for _, tag in written}
    assert {"auc_ctr", "gauc_ctr", "auc_ctr_by_score", "logloss_cvr"} <= names
    assert {step for step, tag in written if tag == "auc_ctr"} == {2, 4, 6, 8, 10, 12}
