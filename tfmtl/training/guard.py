"""The guard: warns of a task that tells nothing apart, with what is known of the cause.

A task is told of if all its predictions in an evaluation are the same, or if its AUC stays near one
half over several evaluations; each once in a training, an interrupted one included.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfmtl import config
from tfmtl.tasks.task import Task
from tfmtl.training.meter import TaskMeter
from tfmtl.training.model import MultiTaskModel, learning_rates
from tfmtl.training.objective import Batch
from tfmtl.training.state import TrainingState

_CONSTANT, _NEAR_HALF = "constant", "near_half"
_SAME = 1e-6  # Relative to the largest logit.
_NEAR = 0.005
_OFTEN = 3

_log = logging.getLogger(__name__)


class Guard:
    """Looks at every evaluation.

    Args:
        model: The model.
        state: Where its training stands; it remembers what has been told.
    """

    def __init__(self, model: MultiTaskModel, state: TrainingState) -> None:
        self._model = model
        self._state = state

    def look(self, results: Mapping[str, float | None], batch: Batch | None = None) -> None:
        """Warns of what is wrong with the tasks after an evaluation.

        Args:
            results: The evaluation's.
            batch: Some rows of it, to look for causes in.
        """
        for meter in self._model.meters:
            if meter.task in self._model.tasks and _is_judged(meter.task):
                self._look_at(meter, results, batch)

    def _look_at(
        self, meter: TaskMeter, results: Mapping[str, float | None], batch: Batch | None
    ) -> None:
        known = self._state.guard.setdefault(meter.task.name, {_NEAR_HALF: 0, "told": []})
        name = f"auc_{meter.task.measured_as}"
        value = results.get(name)
        is_near = value is not None and abs(value - 0.5) <= _NEAR
        known[_NEAR_HALF] = known[_NEAR_HALF] + 1 if is_near else 0
        if meter.rows > 1 and meter.logit_range.is_constant(_SAME):
            self._warn(
                meter,
                known,
                _CONSTANT,
                f"all {meter.rows:,} predictions of the evaluation are the same",
                batch,
            )
        elif known[_NEAR_HALF] >= _OFTEN:
            what = f"`{name}` has been within 0.5 ± {_NEAR:g} in {_OFTEN} evaluations, like a guess"
            self._warn(meter, known, _NEAR_HALF, what, batch)

    def _warn(
        self,
        meter: TaskMeter,
        known: dict[str, Any],
        kind: str,
        what: str,
        batch: Batch | None,
    ) -> None:
        if kind in known["told"]:
            return
        known["told"].append(kind)
        causes = list(_found(self._model, meter, batch))
        told = f"Found: {' '.join(causes)}" if causes else f"Usual causes: {_USUAL[kind]}"
        _log.warning("Task `%s`: %s. %s%s", meter.task.name, what, told, _rate(self._model))


_USUAL = {
    _CONSTANT: "a learning rate so large that ReLUs have died; features that are constant or "
    "missing; weights that were all regularized to 0.",
    _NEAR_HALF: "labels that are joined to the wrong rows; features that say nothing of the label; "
    "a learning rate that is too large, or too small for the steps made so far.",
}


def _is_judged(task: Task) -> bool:
    """Whether a task is more than a share to be looked at, such as of quotients above 1."""
    has_direction = (config.is_bigger_better(name) is not None for name in task.metric_names)
    return task.trained or any(has_direction)


def _found(model: MultiTaskModel, meter: TaskMeter, batch: Batch | None) -> Iterator[str]:
    """The causes that can be seen."""
    if meter.label_range.is_constant():
        yield f"All labels in its sample space are {meter.label_range.low[0]:g}."
    if batch is None:
        return
    if len(batch[0]) and all(_is_constant(value) for value in batch[0].values()):
        yield "All features are constant in the last batch."
    elif _is_dead(model.network, meter.task.name, batch):
        yield (
            "What the last layer of its tower reads is 0 in all rows of the last batch: its ReLUs "
            "have died, as of a learning rate that is too large."
        )


def _is_constant(value: Any) -> bool:
    """Whether all rows of an encoded feature are equal; of one row alone nothing can be said."""
    if isinstance(value, tf.RaggedTensor):
        lengths = value.row_lengths().numpy()
        if len(set(lengths)) > 1:
            return False
        value = value.to_tensor()
    rows = np.asarray(value)
    return len(rows) > 1 and bool(np.all(rows == rows[:1]))


def _is_dead(network: keras.Model, task: str, batch: Batch) -> bool:
    """Whether a dense layer makes a task's logits, and reads zeros only."""
    layer = network.output[task]._keras_history.layer
    if not isinstance(layer, keras.layers.Dense):
        return False
    hidden = keras.Model(network.input, layer.input)(batch[0], training=False)
    return not np.any(hidden)


def _rate(model: MultiTaskModel) -> str:
    if not getattr(model, "optimizer", None):
        return ""
    return f" The learning rate is {learning_rates(model)['learning_rate']:g} now."
