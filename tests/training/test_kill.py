"""A training that is killed, as by a power cut, and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_pipeline import make_pipeline, make_rows

import tfmtl
from tfmtl import config
from tfmtl.training.checkpoints import list_checkpoints
from tfmtl.training.saved_variables import saved_shapes

TRAIN = """
import signal, sys
import tfmtl
from tfmtl import config
from tfmtl.training import train
from tfmtl.training.loop import TrainLoop

def wait_at_last(loop, *batch, step=TrainLoop._step):
    return signal.pause() if loop._state.step == int(sys.argv[2]) else step(loop, *batch)

TrainLoop._step = wait_at_last
train(config.load(sys.argv[1]), continue_train=True)
"""


def start(path, waits_at=-1):
    """Starts a training, which makes no further step at one: it cannot end before it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(tfmtl.__file__).parents[1])}
    command = [sys.executable, "-c", TRAIN, path, str(waits_at)]
    return subprocess.Popen(command, env=environment)


def write_pipeline(directory, data):
    pipeline = make_pipeline(directory)
    pipeline.train_input_path, pipeline.eval_input_path = str(data / "train"), str(data / "eval")
    pipeline.train_config.num_steps = 400
    pipeline.train_config.save_checkpoints_steps = 30
    pipeline.data_config.num_epochs = 100
    path = str(directory / "my.config")
    config.save(pipeline, path)
    return path, pipeline.model_dir


def variables(path):
    reader = tf.train.load_checkpoint(path)
    keys = [key for key in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in key]
    return {key: reader.get_tensor(key) for key in keys if "save_counter" not in key}


@pytest.mark.slow
def test_a_killed_training_ends_as_one_that_was_not(tmp_path):
    for name, rows in [("train", make_rows(200, 1)), ("eval", make_rows(90, 2))]:
        rows.to_csv(tmp_path / name, header=False, index=False)
    (tmp_path / "killed").mkdir()
    (tmp_path / "calm").mkdir()
    killed, killed_dir = write_pipeline(tmp_path / "killed", tmp_path)
    calm, calm_dir = write_pipeline(tmp_path / "calm", tmp_path)

    process = start(killed, waits_at=310)
    while len(list_checkpoints(killed_dir)) < 4:
        assert process.poll() is None, "It ended before it could be killed."
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not os.path.exists(os.path.join(killed_dir, "model.ckpt-400.index"))

    for path in (killed, calm):
        assert start(path).wait() == 0
    results = [json.load(open(os.path.join(d, "eval_result.json"))) for d in (killed_dir, calm_dir)]
    assert results[0] == results[1]
    paths = [os.path.join(d, "model.ckpt-400") for d in (killed_dir, calm_dir)]
    assert saved_shapes(paths[0]) == saved_shapes(paths[1])
    after_kill, undisturbed = map(variables, paths)
    for name, value in undisturbed.items():
        np.testing.assert_array_equal(after_kill[name], value, err_msg=name)
