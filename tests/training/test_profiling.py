"""A profile of some steps, once."""

import logging

import tensorflow as tf

from tfmtl.training.profiling import Profiler


def run(monkeypatch, steps, of):
    """The steps after which a profiler starts and stops."""
    told, done = [], []
    profile = tf.profiler.experimental
    monkeypatch.setattr(profile, "start", lambda directory: told.append(("start", directory)))
    monkeypatch.setattr(profile, "stop", lambda: told.append(("stop", len(done))))
    profiler = Profiler("train", of)
    for number in range(1, steps + 1):
        done.append(number)
        profiler.after_step({})
    profiler.close()
    return told


def test_as_many_steps_are_profiled_as_warmed_up(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    assert run(monkeypatch, 11, of=3) == [("start", "train"), ("stop", 6)]
    assert caplog.messages == ["Wrote a profile into `train`; steps: 3."]


def test_a_training_that_ends_before_has_a_shorter_profile(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    assert run(monkeypatch, 4, of=3) == [("start", "train"), ("stop", 4)]
    assert caplog.messages == ["Wrote a profile into `train`; steps: 1."]


def test_a_short_training_and_one_that_wants_none_have_no_profile(monkeypatch):
    assert run(monkeypatch, 2, of=3) == []
    assert run(monkeypatch, 5, of=0) == []


def test_a_profile_is_written_for_tensorboard(tmp_path):
    profiler = Profiler(str(tmp_path), 1)
    for _ in range(2):
        with tf.profiler.experimental.Trace("train", step_num=1, _r=1):
            tf.linalg.matmul(tf.ones([3, 3]), tf.ones([3, 3]))
        profiler.after_step({})
    (file,) = tmp_path.glob("plugins/profile/*/*.xplane.pb")
    assert b"MatMul" in file.read_bytes()
