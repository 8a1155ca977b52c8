"""Points for TensorBoard: read back from the files."""

import math

import pytest
import tensorflow as tf
from small_network import make_batch, make_model

from tfmtl.errors import TrainingError
from tfmtl.protos import train_pb2
from tfmtl.training import LazyAdam
from tfmtl.training.journal import Journal
from tfmtl.training.optimizers import Adagrad
from tfmtl.training.state import TrainingState
from tfmtl.training.summaries import EVALUATION, TRAIN, Summaries


def points(directory):
    """`{(step, tag): value}` of all files under a directory."""
    found = {}
    for path in sorted(directory.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name in ("scalars", "")
                found[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    return found


def test_scalars_are_written_and_what_has_no_value_is_left_out(tmp_path):
    summaries = Summaries(str(tmp_path))
    summaries.write(EVALUATION, 20, {"auc_ctr": 0.75, "auc_cvr": None})
    summaries.write(EVALUATION, 40, {"auc_ctr": 0.5})
    summaries.close()
    assert points(tmp_path / "eval_val") == {(20, "auc_ctr"): 0.75, (40, "auc_ctr"): 0.5}


def test_a_journal_writes_losses_rates_and_speed_every_so_many_steps(tmp_path):
    settings = train_pb2.TrainConfig(save_summary_steps=2, log_step_count_steps=100)
    model, state = make_model(), TrainingState()
    model.compile([LazyAdam(0.25), Adagrad(0.5)])
    journal = Journal(settings, str(tmp_path), model, state)
    for _ in range(4):
        losses = model.train_step(make_batch())
        state.step += 1
        state.rows += 5
        journal.after_step(losses)
    journal.close()
    written = points(tmp_path / TRAIN)
    assert {step for step, _ in written} == {2, 4}
    assert {tag for _, tag in written} == {
        "loss",
        "loss_ctr",
        "loss_cvr",
        "regularization_loss",
        "gradient_norm",
        "learning_rate",
        "learning_rate_embeddings",
        "examples_per_second",
        "share_ctr",
        "share_cvr",
    }
    assert written[4, "loss"] == pytest.approx(float(losses["loss"]))
    assert (written[4, "learning_rate_embeddings"], written[4, "learning_rate"]) == (0.25, 0.5)
    assert math.isfinite(written[4, "examples_per_second"])
    assert (written[4, "share_ctr"], written[4, "share_cvr"]) == (1.0, pytest.approx(0.8))


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / TRAIN).write_text("in the way")
    with pytest.raises(TrainingError) as error:
        Summaries(str(tmp_path)).write(TRAIN, 1, {"loss": 0.5})
    assert f"The points for TensorBoard in `{tmp_path}/train` could not be written: " in str(
        error.value
    )
