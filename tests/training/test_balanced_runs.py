"""Whole trainings with balanced losses: what is saved and told, and that a second run goes on."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from small_pipeline import make_pipeline, make_rows
from test_summaries import points

from tests.helpers_balancing import all_messages
from tfmtl.errors import TrainingError
from tfmtl.training import train
from tfmtl.training.checkpoints import list_checkpoints
from tfmtl.training.saved_variables import saved_shapes

pytestmark = pytest.mark.slow

ROWS = make_rows(200, 1)
MESSAGES = all_messages("cvr")


def run(folder, text, steps=12, **how):
    pipeline = make_pipeline(folder)
    pipeline.train_config.num_steps = steps
    text_format.Parse(text, pipeline.model_config.balancing)
    return train(pipeline, train_data=ROWS, **how)


def saved(folder):
    path = list_checkpoints(folder / "model")[0]
    reader = tf.train.load_checkpoint(path)
    ending = "/.ATTRIBUTES/VARIABLE_VALUE"
    names = [name for name in reader.get_variable_to_shape_map() if name.endswith(ending)]
    return {name: reader.get_tensor(name) for name in names}


def assert_goes_on(tmp_path, text):
    """A training that was lost after a checkpoint ends as one in one run, bit by bit."""
    run(tmp_path / "one", text)
    later = shutil.ignore_patterns("model.ckpt-8.*", "model.ckpt-12.*")
    shutil.copytree(tmp_path / "one", tmp_path / "two", ignore=later)
    assert len(list_checkpoints(tmp_path / "two" / "model")) == 1
    run(tmp_path / "two", text, continue_train=True)
    expected, actual = saved(tmp_path / "one"), saved(tmp_path / "two")
    # TensorFlow counts its saves, of which two runs have more.
    assert set(actual) == set(expected)
    for name in expected:
        if "save_counter" not in name:
            np.testing.assert_array_equal(actual[name], expected[name], err_msg=name)


@pytest.mark.parametrize("name", [name for name in MESSAGES if name != "fixed"])
def test_a_training_in_two_runs_ends_as_one_whatever_the_strategy(name, tmp_path):
    assert_goes_on(tmp_path, MESSAGES[name])


def test_what_is_remembered_is_saved_and_weights_are_told(tmp_path):
    result = run(tmp_path, "gradnorm { learning_rate: 0.1 }")
    path = list_checkpoints(tmp_path / "model")[0]
    names = {n.removeprefix("balancing/") for n in saved_shapes(path) if n.startswith("balancing")}
    assert names == {"w", "first", "adam/m", "adam/v", "adam/t"}
    told = points(tmp_path / "model" / "train")
    steps = range(2, 14, 2)
    weights = [[told[step, f"weight_{task}"] for step in steps] for task in ("ctr", "cvr")]
    np.testing.assert_allclose(np.sum(weights, axis=0), 2, rtol=1e-5)
    assert len(set(weights[0])) > 1
    assert result.global_step == 12


def test_a_checkpoint_of_another_strategy_is_told(tmp_path):
    run(tmp_path, "uncertainty {}", steps=4)
    with pytest.raises(TrainingError, match="balancing/s: only in the checkpoint"):
        run(tmp_path, "random {}", continue_train=True)
