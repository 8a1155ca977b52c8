"""Checkpoints: `model_dir/model.ckpt-<step>`, and the best one under `model_dir/best_ckpt`.

They hold the variables that `saved_variables` names, and the training's state. TensorFlow writes
aside and renames, so a process that dies while saving leaves the earlier ones whole.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import tensorflow as tf
import tf_keras as keras

from tfmtl.errors import TrainingError
from tfmtl.training.model import MultiTaskModel
from tfmtl.training.pieces import placed_tables
from tfmtl.training.same_features import check_same_transforms
from tfmtl.training.saved_variables import (
    check_same_tables,
    check_same_variables,
    model_variables,
    saved_shapes,
    training_variables,
)
from tfmtl.training.state import TrainingState
from tfmtl.training.writing import one_line, writing

BEST_DIRECTORY = "best_ckpt"
_NAME = "model.ckpt"
_INDEX_FILE = re.compile(rf"{re.escape(_NAME)}-(\d+)\.index")
# What TensorFlow raises for a file that is cut short, damaged or not there.
_UNREADABLE = (tf.errors.OpError, IndexError)

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Checkpoints:
    """Saves and restores a training.

    Args:
        model_dir: Directory of the checkpoints.
        model: The model, compiled; its optimizers get their slots here.
        state: Where the training stands.
        keep: Number of checkpoints to keep, the latest; 0 for all.
    """

    def __init__(
        self, model_dir: str, model: MultiTaskModel, state: TrainingState, keep: int = 0
    ) -> None:
        self.model_dir = model_dir
        self.state = state
        state.tables = placed_tables(model.network)
        self._variables = training_variables(model)
        self._checkpoint = tf.train.Checkpoint(state=state, **self._variables)
        self._latest = self._manager(model_dir, keep or None)
        self._best = self._manager(os.path.join(model_dir, BEST_DIRECTORY), 1)

    def save(self) -> str:
        """Saves a checkpoint of the current step, and deletes those beyond `keep`.

        Raises:
            TrainingError: If it cannot be written; all earlier ones are still there.
        """
        return self._save(self._latest)

    def save_best(self) -> str:
        """Saves the current step in place of the best one so far."""
        return self._save(self._best)

    def restore_latest(self) -> str | None:
        """Goes back to the newest checkpoint that can be read.

        Returns:
            Its path; None if there is none at all.

        Raises:
            TrainingError: If it is of another model, or none of several can be read.
        """
        if not list_checkpoints(self.model_dir):
            return None
        path, _ = _first_readable(lambda: list_checkpoints(self.model_dir), self._restore)
        return path

    def _manager(self, directory: str, keep: int | None) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(
            self._checkpoint, directory, max_to_keep=keep, checkpoint_name=_NAME
        )

    def _save(self, manager: tf.train.CheckpointManager) -> str:
        good = next(iter(list_checkpoints(self.model_dir)), None)
        then = f"The last good one is `{good}`." if good else "There is no earlier one."
        with writing(f"The checkpoint of step {self.state.step} in `{manager.directory}`", then):
            return manager.save(checkpoint_number=self.state.step)

    def _restore(self, path: str) -> None:
        saved = saved_state(path)
        check_same_transforms(path, saved.fingerprints, self.state.fingerprints)
        check_same_variables(path, saved_shapes(path), self._variables)
        check_same_tables(path, saved.tables, self.state.tables)
        self._checkpoint.restore(path).assert_existing_objects_matched()


def restore_weights(
    network: keras.Model,
    model_dir: str,
    which: str = "latest",
    fingerprints: Mapping[str, str] | None = None,
) -> tuple[str, int]:
    """Gives a network the weights of a checkpoint.

    Args:
        network: The model's network.
        model_dir: Where it was trained.
        which: `latest`, `best`, or the path of a checkpoint or of a directory of them.
        fingerprints: What the transforms of the network's features are, by their names.

    Returns:
        The checkpoint's path and its step.

    Raises:
        TrainingError: If there is none, it cannot be read, or it is of another model or of features
            that have changed. Of `latest`, the newest that can be read is taken. The training
            may go on, and put others in the place of those that are read.
    """
    variables = model_variables(network)

    def restore(path: str) -> int:
        saved = saved_state(path)
        check_same_transforms(path, saved.fingerprints, fingerprints or {})
        shapes = saved_shapes(path)
        of_model = {name: shape for name, shape in shapes.items() if name.startswith("model/")}
        check_same_variables(path, of_model, variables)
        check_same_tables(path, saved.tables, placed_tables(network))
        status = tf.train.Checkpoint(**variables).restore(path)
        status.assert_existing_objects_matched().expect_partial()
        return saved.step

    return _first_readable(lambda: _candidates(model_dir, which), restore)


def resolve_checkpoint(model_dir: str, which: str = "latest") -> str:
    """The path of a checkpoint, without the file endings.

    Args:
        model_dir: Where the model was trained.
        which: `latest`, `best`, or the path of a checkpoint or of a directory of them.

    Raises:
        TrainingError: If there is no such checkpoint.
    """
    return _candidates(model_dir, which)[0]


def list_checkpoints(directory: str) -> list[str]:
    """The checkpoints in a directory, newest first; none if there is no such directory."""
    names = tf.io.gfile.listdir(directory) if tf.io.gfile.isdir(directory) else []
    steps = [int(match[1]) for match in map(_INDEX_FILE.fullmatch, names) if match]
    return [os.path.join(directory, f"{_NAME}-{step}") for step in sorted(steps, reverse=True)]


def saved_state(path: str) -> TrainingState:
    """Where the training stood that wrote a checkpoint."""
    state = TrainingState()
    state.deserialize(tf.train.load_checkpoint(path).get_tensor("state/.ATTRIBUTES/py_state"))
    return state


def _candidates(model_dir: str, which: str) -> list[str]:
    """The checkpoints that are meant, the most wanted first; at least one."""
    directories = {"latest": model_dir, "best": os.path.join(model_dir, BEST_DIRECTORY)}
    directory = directories.get(which, which)
    if which not in directories and tf.io.gfile.exists(f"{which}.index"):
        return [which]
    paths = list_checkpoints(directory)
    if not paths:
        raise TrainingError(_not_found(model_dir, which, directory))
    return paths


def _not_found(model_dir: str, which: str, directory: str) -> str:
    known = ", ".join(f"`{path}`" for path in list_checkpoints(model_dir)) or "none"
    if which in ("latest", "best"):
        rule = f"`{directory}` should hold the {which} checkpoint. Received: a directory without."
    else:
        rule = f"The checkpoint should be `latest`, `best` or a path. Received: `{which}`."
    return f"{rule} Checkpoints in `{model_dir}`: {known}."


def _first_readable(
    find: Callable[[], Sequence[str]], restore: Callable[[str], T]
) -> tuple[str, T]:
    """Restores the first that can be read of the checkpoints there are.

    Args:
        find: Finds them.
        restore: Restores one.

    Returns:
        Its path, and what `restore` gave.
    """
    tried: Sequence[str] | None = None
    problems: list[str] = []
    # A training that goes on may delete what was found; then it has put another in its place.
    while (paths := find()) != tried:
        tried, problems = paths, []
        for path in paths:
            try:
                return path, restore(path)
            except _UNREADABLE as error:
                problems.append(f"`{path}`: {one_line(error)}")
                _log.warning("A checkpoint cannot be read, and is passed over. %s", problems[-1])
    raise TrainingError("A checkpoint should be readable. Received: " + "; ".join(problems))
