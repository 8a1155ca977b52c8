"""Strategies in one process, and a `TF_CONFIG` of several."""

import json
import logging

import pytest
import tensorflow as tf

from tfmtl.errors import TrainingError
from tfmtl.protos import train_pb2
from tfmtl.training.distribution import open_strategy


def config_of(**jobs):
    cluster = {job: [f"host{n}:2222" for n in range(count)] for job, count in jobs.items()}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})}


def settings(name):
    return train_pb2.TrainConfig(train_distribute=name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MirroredStrategy", "one worker with one device (CPU) trains as under NoStrategy."),
        (
            "MultiWorkerMirroredStrategy",
            "one worker with one device (CPU) trains as under NoStrategy.",
        ),
        (
            "CollectiveAllReduceStrategy",
            "one worker with one device (CPU) trains as under NoStrategy.",
        ),
        ("PSStrategy", "one process is both worker and server; it trains as under NoStrategy."),
        (
            "ExascaleStrategy",
            "one process is both worker and server; it trains as under NoStrategy.",
        ),
    ],
)
def test_a_strategy_of_one_process_says_what_it_comes_to(name, told, caplog, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    caplog.set_level(logging.INFO, "tfmtl")
    assert open_strategy(settings(name), {}).num_replicas_in_sync == 1
    assert caplog.messages == [f"`train_config.train_distribute` is {name}: {told}"]


def test_no_strategy_says_nothing(caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    open_strategy(settings("NoStrategy"), {})
    assert caplog.messages == []


def test_gpus_that_are_idle_are_told(caplog, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["0", "1", "2", "3"])
    open_strategy(settings("MirroredStrategy"), {})
    assert "of 4 GPUs the first one trains; the others are idle." in caplog.text


@pytest.mark.parametrize("jobs", [{}, {"worker": 1}, {"chief": 1}, {"worker": 1, "evaluator": 1}])
def test_a_cluster_of_one_trains(jobs):
    open_strategy(settings("MultiWorkerMirroredStrategy"), config_of(**jobs))


@pytest.mark.parametrize("name", ["NoStrategy", "MultiWorkerMirroredStrategy", "PSStrategy"])
@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ({"worker": 2}, "2 workers"),
        ({"chief": 1, "worker": 3, "ps": 2}, "1 chief, 3 workers, 2 parameter servers"),
        ({"worker": 1, "ps": 1}, "1 worker, 1 parameter server"),
    ],
)
def test_several_processes_are_refused(name, jobs, found):
    with pytest.raises(TrainingError) as error:
        open_strategy(settings(name), config_of(**jobs))
    assert str(error.value) == (
        "`TF_CONFIG` should name one process, because training in several is not built yet. "
        f"Received: {found}. Unset it to train in this process alone."
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": 3}', '{"cluster": {"worker": 1}}'])
def test_a_config_of_another_shape_is_refused(text):
    with pytest.raises(TrainingError, match=r"should be JSON such as .* Received: \""):
        open_strategy(settings("PSStrategy"), {"TF_CONFIG": text})
