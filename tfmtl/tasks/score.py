"""The score: one number a row, computed in the graph from predictions, raw columns and weights.

    score = f(predictions, columns; weights)        such as  ctr · cvr · log(price + 1)^α

It is computed in double precision, where a product of many small probabilities is not 0, and no
operation gives what is not finite: see `protos/score.proto` for what stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from tfmtl.config.expressions import Tree, names_in
from tfmtl.config.score import COLUMN, TASK, WEIGHT, weight_input
from tfmtl.features.column import Column
from tfmtl.features.expression_values import Tensors, numbers_of, served, value_of

if TYPE_CHECKING:
    from tfmtl.tasks.task import Task


class Score:
    """One number a row.

    Args:
        tree: A resolved expression; see `tfmtl.config.expressions`.
        columns: The columns that it may name.
        weights: The defaults of the weights that it may name.

    Example:
    >>> score = Score(resolve(parse("ctr * 100"), scope))
    >>> score({"ctr": tf.constant([0.25, 0.5])}, {})
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([25., 50.], dtype=float32)>
    """

    def __init__(
        self,
        tree: Tree,
        columns: Iterable[Column] = (),
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.tree = tree
        self.weights = dict(weights or {})
        named = {name.name for name in names_in(tree) if name.kind == COLUMN}
        self._columns = {each.name: each for each in columns if each.name in named}

    @property
    def columns(self) -> list[str]:
        """The raw columns it reads."""
        return list(self._columns)

    @property
    def read_columns(self) -> list[Column]:
        """What is known of them."""
        return list(self._columns.values())

    def weight_signature(self) -> dict[str, tf.TensorSpec]:
        """The inputs that change its weights, as a server takes them."""
        inputs = map(weight_input, self.weights)
        return {name: tf.TensorSpec([None], tf.float32, name) for name in inputs}

    def __call__(self, answers: Tensors, raw: Tensors, weights: Tensors | None = None) -> tf.Tensor:
        """The scores of a batch, float32 `(batch,)`.

        Args:
            answers: What the tasks predict, as `answers_of` gives it.
            raw: Columns by name, `(batch,)` each.
            weights: What `weight_signature` describes, `(batch,)` or `(1,)` each; NaN, an infinity
                and no value at all mean the default.
        """
        names = {
            TASK: {name: tf.cast(answer, tf.float64) for name, answer in answers.items()},
            COLUMN: {name: numbers_of(raw[name], each) for name, each in self._columns.items()},
            WEIGHT: {name: self._weight(name, weights or {}) for name in self.weights},
        }
        score = value_of(self.tree, names)
        return served(score, tf.shape(next(iter(answers.values())))[:1])

    def _weight(self, name: str, given: Tensors) -> tf.Tensor:
        default = tf.constant(self.weights[name], tf.float64)
        if weight_input(name) not in given:
            return default
        weight = tf.cast(given[weight_input(name)], tf.float64)
        return tf.where(tf.math.is_finite(weight), weight, default)


def answers_of(tasks: Sequence[Task], logits: Tensors) -> dict[str, tf.Tensor]:
    """What each task predicts: its probability or value, `(batch,)`, or `(batch, classes)`.

    Args:
        tasks: The tasks.
        logits: By task, `(batch, units)` each.
    """
    return {task.name: _answer(task, logits[task.name]) for task in tasks}


def _answer(task: Task, logits: tf.Tensor) -> tf.Tensor:
    predictions = task.predictions(logits)
    probs, value = predictions.get(f"probs_{task.name}"), predictions.get(f"y_{task.name}")
    # Who predicts a value and a probability, of its not being 0, is asked for the value.
    if probs is None or (value is not None and probs.shape.rank == 1):
        return value
    return probs
