"""Checkpoints: everything comes back, a broken one is passed over, another model's is told."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_network import make_batch, make_model

from tfmtl.errors import TrainingError
from tfmtl.training import LazyAdam, resolve_checkpoint, restore_weights
from tfmtl.training import checkpoints as room
from tfmtl.training.checkpoints import Checkpoints, list_checkpoints
from tfmtl.training.optimizers import Adagrad
from tfmtl.training.saved_variables import training_variables
from tfmtl.training.state import TrainingState

DATA = ".data-00000-of-00001"


def make(model_dir, keep=0, random_streams=False, **how):
    tf.keras.backend.clear_session()
    if random_streams:
        tf.keras.backend.experimental.enable_tf_random_generator()
    model = make_model(**how)
    tf.keras.backend.experimental.disable_tf_random_generator()
    model.compile([LazyAdam(0.1), Adagrad(0.1)])
    return model, Checkpoints(str(model_dir), model, TrainingState(), keep)


def train(model, checkpoints, steps=1):
    for number in range(steps):
        model.train_step(make_batch(seed=checkpoints.state.step + number))
    checkpoints.state.step += steps


def snapshot(model):
    return {name: variable.numpy() for name, variable in training_variables(model).items()}


def assert_same(actual, expected):
    assert list(actual) == list(expected)
    for name, value in actual.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def save_steps(model_dir, *steps):
    """A checkpoint at each of some steps; returns what was trained, by step."""
    model, checkpoints = make(model_dir)
    saved = {}
    for step in steps:
        train(model, checkpoints)
        checkpoints.state.step = step
        checkpoints.save()
        saved[step] = snapshot(model)
    return saved


@pytest.mark.slow
def test_weights_slots_random_streams_and_state_all_come_back(tmp_path):
    model, checkpoints = make(tmp_path, random_streams=True, dropout=0.5)
    train(model, checkpoints, steps=3)
    checkpoints.state.rows, checkpoints.state.best_value = 15, 0.7
    path = checkpoints.save()
    assert path == str(tmp_path / "model.ckpt-3")
    expected = snapshot(model)
    assert {name.split("/")[0] for name in expected} == {
        "model", "optimizer_0", "optimizer_1", "random"
    }  # fmt: skip
    other, restored = make(tmp_path, random_streams=True, dropout=0.5)
    assert restored.restore_latest() == path
    assert_same(snapshot(other), expected)
    state = restored.state
    assert (state.step, state.rows, state.best_value) == (3, 15, 0.7)


def test_a_restored_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    model, checkpoints = make(tmp_path, random_streams=True, dropout=0.5)
    train(model, checkpoints, steps=2)
    checkpoints.save()
    train(model, checkpoints, steps=2)
    other, restored = make(tmp_path, random_streams=True, dropout=0.5)
    restored.restore_latest()
    train(other, restored, steps=2)
    assert_same(snapshot(other), snapshot(model))


def test_a_directory_without_checkpoints_restores_nothing(tmp_path):
    _, checkpoints = make(tmp_path / "new")
    assert checkpoints.restore_latest() is None


def test_the_latest_are_kept(tmp_path):
    model, checkpoints = make(tmp_path, keep=2)
    for _ in range(4):
        train(model, checkpoints)
        checkpoints.save()
    assert list_checkpoints(str(tmp_path)) == [str(tmp_path / f"model.ckpt-{n}") for n in (4, 3)]


def test_the_best_is_kept_apart(tmp_path):
    model, checkpoints = make(tmp_path, keep=1)
    for step in range(1, 4):
        train(model, checkpoints)
        checkpoints.save()
        if step < 3:
            checkpoints.save_best()
            expected = snapshot(model)
    network = make(tmp_path / "other")[0].network
    assert restore_weights(network, str(tmp_path), "best")[1] == 2
    for variable in network.variables:
        name = f"model/{variable.name.removesuffix(':0')}"
        np.testing.assert_array_equal(variable, expected[name])


@pytest.mark.slow
@pytest.mark.parametrize("ending", [DATA, ".index"])
@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_truncated_checkpoint_is_passed_over_for_the_one_before(tmp_path, caplog, ending, size):
    saved = save_steps(tmp_path, 3, 10)
    file = tmp_path / f"model.ckpt-10{ending}"
    os.truncate(file, size % file.stat().st_size)
    model, checkpoints = make(tmp_path)
    assert checkpoints.restore_latest() == str(tmp_path / "model.ckpt-3")
    assert_same(snapshot(model), saved[3])
    assert checkpoints.state.step == 3
    assert caplog.messages[-1].startswith(
        f"A checkpoint cannot be read, and is passed over. `{tmp_path}/model.ckpt-10`: "
    )


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path):
    saved = save_steps(tmp_path, 3, 10)
    file = tmp_path / f"model.ckpt-10{DATA}"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    model, checkpoints = make(tmp_path)
    checkpoints.restore_latest()
    assert_same(snapshot(model), saved[3])


def test_an_evaluation_passes_over_a_truncated_checkpoint_too(tmp_path):
    save_steps(tmp_path, 3, 10)
    os.truncate(tmp_path / f"model.ckpt-10{DATA}", 50)
    path, step = restore_weights(make_model().network, str(tmp_path))
    assert (path, step) == (str(tmp_path / "model.ckpt-3"), 3)


def test_when_no_checkpoint_can_be_read_that_is_an_error(tmp_path):
    save_steps(tmp_path, 3)
    os.truncate(tmp_path / f"model.ckpt-3{DATA}", 50)
    with pytest.raises(TrainingError, match="A checkpoint should be readable. Received: `.*-3`: "):
        make(tmp_path)[1].restore_latest()


@pytest.mark.parametrize(("which", "moment"), [("latest", "saved_state"), ("best", "saved_shapes")])
def test_a_training_that_goes_on_may_replace_what_is_read(tmp_path, monkeypatch, which, moment):
    """The only checkpoint is there when it is looked for, and gone when it is read."""
    model, checkpoints = make(tmp_path, keep=1)
    save = {"latest": checkpoints.save, "best": checkpoints.save_best}[which]
    train(model, checkpoints)
    save()
    read = getattr(room, moment)

    def read_after_another_step(path):
        monkeypatch.undo()
        train(model, checkpoints)
        save()
        return read(path)

    monkeypatch.setattr(room, moment, read_after_another_step)
    network = make_model().network
    path, step = restore_weights(network, str(tmp_path), which)
    assert (Path(path).name, step) == ("model.ckpt-2", 2)
    np.testing.assert_array_equal(network.variables[0], model.network.variables[0])


def test_a_checkpoint_of_another_model_is_one_error_that_names_the_variables(tmp_path):
    save_steps(tmp_path, 3)
    with pytest.raises(TrainingError) as error:
        make(tmp_path, units=4, random_streams=True, dropout=0.5)[1].restore_latest()
    assert str(error.value) == (
        f"The checkpoint `{tmp_path}/model.ckpt-3` should have the variables of the model. "
        "Received: 4 that differ.\n"
        "  model/bottom/bias: [3] in the checkpoint, [4] in the model\n"
        "  model/bottom/kernel: [6, 3] in the checkpoint, [6, 4] in the model\n"
        "  model/ctr/kernel: [3, 1] in the checkpoint, [4, 1] in the model\n"
        "  model/cvr/kernel: [3, 1] in the checkpoint, [4, 1] in the model\n"
        "Use the config it was trained with (`pipeline.config` beside it), or train into another "
        "model_dir."
    )


def test_a_checkpoint_of_another_dropout_or_optimizer_is_told_too(tmp_path):
    save_steps(tmp_path, 3)
    model, _ = make(tmp_path, random_streams=True, dropout=0.5)
    model.compile([LazyAdam(0.1), LazyAdam(0.1)])
    with pytest.raises(TrainingError) as error:
        Checkpoints(str(tmp_path), model, TrainingState()).restore_latest()
    assert "Received: 20 that differ.\n" in str(error.value)
    assert "  optimizer_1/accumulator/bottom/bias: only in the checkpoint\n" in str(error.value)
    assert "  optimizer_1/m/bottom/bias: only in the model\n" in str(error.value)
    assert "\n  and 10 more\n" in str(error.value)


def test_tables_that_lie_elsewhere_in_a_storage_of_the_same_shape_are_told(tmp_path):
    save_steps(tmp_path, 3)
    model, _ = make(tmp_path)
    checkpoints = Checkpoints(str(tmp_path), model, TrainingState())
    checkpoints.state.tables = {"embeddings/width_4": {"brand": [0, 3], "id": [3, 7]}}
    with pytest.raises(TrainingError) as error:
        checkpoints.restore_latest()
    assert "Received: 2 that differ.\n" in str(error.value)
    assert "  model/embeddings/width_4/brand: only in the model\n" in str(error.value)
    assert (
        "  model/embeddings/width_4/id: rows 0 to 7 in the checkpoint, rows 3 to 7 in the model\n"
        in str(error.value)
    )


def test_weights_alone_do_not_need_the_optimizers_to_agree(tmp_path):
    model, checkpoints = make(tmp_path)
    train(model, checkpoints)
    checkpoints.save()
    network = make_model().network
    restore_weights(network, str(tmp_path))
    for actual, expected in zip(network.variables, model.network.variables, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_checkpoints_are_found_by_latest_best_path_and_directory(tmp_path):
    model, checkpoints = make(tmp_path)
    for _ in range(10):
        train(model, checkpoints)
        checkpoints.save()
        if checkpoints.state.step == 4:
            checkpoints.save_best()

    def resolve(which):
        return resolve_checkpoint(str(tmp_path), which)

    assert resolve("latest") == str(tmp_path / "model.ckpt-10")  # Not 9, as of text.
    assert resolve("best") == str(tmp_path / "best_ckpt" / "model.ckpt-4")
    assert resolve(str(tmp_path / "model.ckpt-7")) == str(tmp_path / "model.ckpt-7")
    assert resolve(str(tmp_path / "best_ckpt")) == str(tmp_path / "best_ckpt" / "model.ckpt-4")


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("best", "`{dir}/best_ckpt` should hold the best checkpoint. Received: a directory "
         "without. Checkpoints in `{dir}`: `{dir}/model.ckpt-3`."),
        ("{dir}/model.ckpt-5", "The checkpoint should be `latest`, `best` or a path. Received: "
         "`{dir}/model.ckpt-5`. Checkpoints in `{dir}`: `{dir}/model.ckpt-3`."),
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_there_is_an_error_that_lists_the_others(tmp_path, which, words):
    save_steps(tmp_path, 3)
    with pytest.raises(TrainingError) as error:
        resolve_checkpoint(str(tmp_path), which.format(dir=tmp_path))
    assert str(error.value) == words.format(dir=tmp_path)


def test_a_directory_without_checkpoints_cannot_be_evaluated(tmp_path):
    with pytest.raises(TrainingError) as error:
        restore_weights(make_model().network, str(tmp_path))
    assert str(error.value) == (
        f"`{tmp_path}` should hold the latest checkpoint. Received: a directory without. "
        f"Checkpoints in `{tmp_path}`: none."
    )


def test_a_disk_that_cannot_be_written_leaves_the_last_good_checkpoint(tmp_path):
    saved = save_steps(tmp_path, 3)
    model, checkpoints = make(tmp_path)
    checkpoints.restore_latest()
    train(model, checkpoints)
    # Root writes everywhere, so what is in the way is a directory of the file's name.
    Path(tmp_path, f"model.ckpt-4{DATA}").mkdir()
    with pytest.raises(TrainingError) as error:
        checkpoints.save()
    assert f"The checkpoint of step 4 in `{tmp_path}` could not be written: " in str(error.value)
    assert str(error.value).endswith(f"The last good one is `{tmp_path}/model.ckpt-3`.")
    other, restored = make(tmp_path)
    restored._restore(str(tmp_path / "model.ckpt-3"))
    assert_same(snapshot(other), saved[3])


def save_with(model_dir, fingerprints):
    model, checkpoints = make(model_dir)
    checkpoints.state.fingerprints = fingerprints
    checkpoints.save()


def restore_with(model_dir, fingerprints):
    """Goes back to a checkpoint in both ways, to go on and to evaluate."""
    model, checkpoints = make(model_dir)
    checkpoints.state.fingerprints = fingerprints
    checkpoints.restore_latest()
    restore_weights(model.network, str(model_dir), fingerprints=fingerprints)


def test_features_whose_transforms_changed_are_told_by_name(tmp_path):
    save_with(tmp_path, {"city": "1", "age": "2", "tags": "3"})
    with pytest.raises(TrainingError) as resumed:
        restore_with(tmp_path, {"city": "9", "age": "2", "tags": "8"})
    with pytest.raises(TrainingError) as evaluated:
        network = make_model().network
        restore_weights(network, str(tmp_path), fingerprints={"city": "9", "tags": "8"})
    assert str(resumed.value) == str(evaluated.value)
    assert str(resumed.value) == (
        f"The checkpoint `{tmp_path}/model.ckpt-0` should have learned the features as the config "
        "makes them. Received: another transform (its columns' types and defaults, ids, words, "
        "bins) of `city`, `tags`. Use the config it was trained with (`pipeline.config` beside it) "
        "and its vocabularies, or train into another model_dir."
    )


@pytest.mark.parametrize("saved", [{"city": "1", "age": "2"}, {"city": "1", "old": "7"}, {}])
def test_features_that_are_as_they_were_or_of_one_side_alone_are_restored(tmp_path, saved):
    save_with(tmp_path, saved)
    restore_with(tmp_path, {"city": "1", "age": "2"})
