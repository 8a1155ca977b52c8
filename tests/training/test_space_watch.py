"""How many rows of a training are in each task's sample space."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from small_network import make_batch, make_model, make_tasks

from tfmtl.protos import train_pb2
from tfmtl.tasks import BinaryHead, SampleSpace, Task, UnknownLabel
from tfmtl.training import LazyAdam
from tfmtl.training.journal import Journal
from tfmtl.training.space_watch import SpaceCounter, SpaceWatch
from tfmtl.training.state import TrainingState

NAN = float("nan")


def targets(click, buy):
    return {"click": tf.constant(click, tf.float32), "buy": tf.constant(buy, tf.float32)}


def test_rows_are_counted_by_the_sample_space_of_each_task_that_is_trained():
    served = Task("served", BinaryHead(), SampleSpace(UnknownLabel()), trained=False)
    counter = SpaceCounter([*make_tasks(), served])
    counter.add(targets([1, 0, NAN], [1, NAN, NAN]))
    counter.add(targets([1], [0]))
    assert counter.read().tolist() == [4, 3, 2]


def test_shares_are_of_the_rows_since_the_last_question():
    counter = SpaceCounter(make_tasks())
    watch = SpaceWatch(counter)
    assert watch.shares() == {}
    counter.add(targets([1, 0, 1, 0], [1, NAN, NAN, NAN]))
    assert watch.shares() == {"ctr": 1.0, "cvr": 0.25}
    counter.add(targets([1, 0], [1, 1]))
    assert watch.shares() == {"ctr": 1.0, "cvr": 1.0}


def test_an_empty_space_is_told_once_whatever_else_is_asked():
    counter = SpaceCounter(make_tasks())
    watch = SpaceWatch(counter)
    assert watch.newly_empty() == []  # There were no rows at all.
    counter.add(targets([1], [1]))
    watch.shares()
    assert watch.newly_empty() == []
    for expected in (["cvr"], []):
        counter.add(targets([1, 0], [NAN, NAN]))
        assert watch.newly_empty() == expected


@pytest.mark.parametrize("buy", [None, NAN])
def test_a_journal_warns_of_a_space_that_is_empty_for_a_window_and_tells_shares(
    tmp_path, caplog, buy
):
    caplog.set_level(logging.INFO, "tfmtl.training.journal")
    settings = train_pb2.TrainConfig(save_summary_steps=4, log_step_count_steps=2)
    model, state = make_model(), TrainingState()
    model.compile(LazyAdam(0.1))
    journal = Journal(settings, str(tmp_path), model, state)
    encoded, columns = make_batch()
    if buy is not None:
        columns["buy"] = tf.fill([5], np.float32(buy))
    for _ in range(4):
        losses = model.train_step((encoded, columns))
        state.step += 1
        journal.after_step(losses)
    journal.close()
    warning = (
        "Task `cvr`: none of the rows since the last look, up to step 2, was in its sample space, "
        "so it learned nothing from them."
    )
    share = "Share of rows in sample space, up to step 4: ctr 1, cvr "
    assert caplog.messages == ([share + "0.8"] if buy is None else [warning, share + "0"])
