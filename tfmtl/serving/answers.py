"""What is served of a network's logits, for every form of request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfmtl.config.score import SCORE
from tfmtl.errors import ExportError
from tfmtl.features.column import Column
from tfmtl.tasks import Score, Task, answers_of

Tensors = Mapping[str, tf.Tensor]


class Answers:
    """Predictions of all tasks, and the score.

    Args:
        tasks: Make predictions of logits.
        score: Makes one number of the predictions, if there is one.

    Raises:
        ExportError: If two of them are called the same.
    """

    def __init__(self, tasks: Sequence[Task], score: Score | None) -> None:
        served = _served(tasks)
        self._tasks = tasks
        self._score = score
        self._numbers = [name for name, value in served.items() if _is_number(value)]
        self._events = [task.name for task in tasks if f"probs_{task.name}" in self._numbers]

    @property
    def columns(self) -> list[Column]:
        """The raw columns that the score reads."""
        return self._score.read_columns if self._score is not None else []

    @property
    def weights(self) -> dict[str, tf.TensorSpec]:
        """The weights of the score that a request may give."""
        return self._score.weight_signature() if self._score is not None else {}

    def predictions(self, logits: Tensors, raw: Tensors) -> dict[str, tf.Tensor]:
        """All predictions by name, `(rows,)` each or `(rows, classes)`.

        Args:
            logits: By task, `(rows, units)` each.
            raw: Columns and weights that the score reads, `(rows,)` each.
        """
        made = [task.predictions(logits[task.name]) for task in self._tasks]
        if self._score is not None:
            made.append({SCORE: self._scores(logits, raw)})
        return {name: _as_served(value) for each in made for name, value in each.items()}

    @property
    def events(self) -> list[str]:
        """The tasks that predict the probability of an event."""
        return self._events

    @property
    def number(self) -> str:
        """What is predicted as one number a row: the score, or else the first such prediction."""
        return SCORE if self._score is not None else self._numbers[0] if self._numbers else ""

    def classes(self, predictions: Tensors) -> dict[str, tf.Tensor]:
        """The events of a row as its classes: their names and their probabilities.

        Args:
            predictions: What `predictions` gives.

        Returns:
            `classes` and `scores`, `(rows, events)` each.
        """
        scores = tf.stack([predictions[f"probs_{name}"] for name in self.events], axis=1)
        names = tf.constant(self.events)[tf.newaxis]
        return {"classes": tf.repeat(names, tf.shape(scores)[0], axis=0), "scores": scores}

    def _scores(self, logits: Tensors, raw: Tensors) -> tf.Tensor:
        assert self._score is not None
        return self._score(answers_of(self._tasks, logits), raw, raw)


def _served(tasks: Sequence[Task]) -> dict[str, tf.Tensor]:
    """What the tasks make of a row, by name."""
    served: dict[str, tf.Tensor] = {}
    for task in tasks:
        predictions = task.predictions(tf.zeros((1, task.units)))
        if twice := sorted(predictions.keys() & served.keys()):
            raise ExportError(
                "Every output should have a name of its own. "
                f"Received: `{twice[0]}` a second time, from task `{task.name}`. Rename the task."
            )
        served.update(predictions)
    return served


def _is_number(value: tf.Tensor) -> bool:
    """Whether it is one number a row, and no class."""
    return value.shape.rank == 1 and value.dtype.is_floating


def _as_served(value: tf.Tensor) -> tf.Tensor:
    """TensorFlow Serving's REST interface knows no half precision."""
    return tf.cast(value, tf.float32) if value.dtype.is_floating else value
