"""The score: one number a row, computed in the graph from predictions, raw columns and weights.

    score = f(predictions, columns; weights)        such as  ctr · cvr · log(price + 1)^α

It is computed in double precision, where a product of many small probabilities is not 0, and no
operation gives what is not finite: see `protos/score.proto` for what stands in its place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfmtl.config.expressions import SMALLEST, Call, Number, Tree, names_in
from tfmtl.config.score import COLUMN, TASK, WEIGHT, weight_input
from tfmtl.features.column import Column

if TYPE_CHECKING:
    from tfmtl.tasks.task import Task

Tensors = Mapping[str, tf.Tensor]

# Far from what overflows in a further operation.
_LARGEST = 1e300
_LARGEST_SERVED = float(np.finfo(np.float32).max)


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

    def raw_signature(self) -> dict[str, tf.TensorSpec]:
        """The raw columns it reads, as a server takes them."""
        return {
            name: tf.TensorSpec([None], column.dtype, name)
            for name, column in self._columns.items()
        }

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
            COLUMN: {name: _numbers(raw[name], each) for name, each in self._columns.items()},
            WEIGHT: {name: self._weight(name, weights or {}) for name in self.weights},
        }
        score = _value(self.tree, names)
        # A constant, and a weight that is the same for all rows, is a number for each row as well.
        rows = tf.shape(next(iter(answers.values())))[:1]
        score = tf.broadcast_to(tf.clip_by_value(score, -_LARGEST_SERVED, _LARGEST_SERVED), rows)
        return tf.cast(score, tf.float32)

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


def _numbers(values: tf.Tensor, column: Column) -> tf.Tensor:
    """A column's numbers or truth values, its default where one is missing."""
    if values.dtype == tf.bool:
        return values
    numbers = tf.cast(values, tf.float64)
    default = tf.constant(float(column.default or 0), tf.float64)
    return tf.where(tf.math.is_finite(numbers), numbers, default)


def _value(tree: Tree, names: Mapping[str, Tensors]) -> tf.Tensor:
    """The value of a tree, `()` or `(batch,)`."""
    if isinstance(tree, Number):
        return tf.constant(tree.value, tf.float64)
    if isinstance(tree, Call):
        return OPERATIONS[tree.function](*[_value(each, names) for each in tree.arguments])
    value = names[tree.kind][tree.name]
    return value if tree.part is None else value[:, tree.part]


def _bounded(operation: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """The operation, without infinities, of which the next could make something that is NaN."""

    @functools.wraps(operation)
    def bounded(*arguments: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(operation(*arguments), -_LARGEST, _LARGEST)

    return bounded


def _power(base: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    is_real = (base >= 0.0) | tf.equal(exponent, tf.floor(exponent))
    has_value = is_real & ((base != 0.0) | (exponent >= 0.0))
    # Both are computed, and 1 stands in for a base that has no such power.
    power = tf.pow(tf.where(has_value, base, 1.0), exponent)
    return tf.where(has_value | tf.math.is_nan(base), power + 0.0 * base, 0.0)


def _log(x: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(x, tf.constant(SMALLEST, tf.float64)))


def _log1p(x: tf.Tensor) -> tf.Tensor:
    least = _log(tf.constant(0.0, tf.float64))
    return tf.where(x <= -1.0, least, tf.math.log1p(tf.maximum(x, -0.9999999999999999)))


def _expected(probabilities: tf.Tensor) -> tf.Tensor:
    classes = tf.range(tf.shape(probabilities)[-1])
    return tf.linalg.matvec(probabilities, tf.cast(classes, tf.float64))


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": _bounded(tf.add),
    "-": _bounded(tf.subtract),
    "*": _bounded(tf.multiply),
    "/": _bounded(tf.math.divide_no_nan),
    "^": _bounded(_power),
    "neg": tf.negative,
    "<": tf.less,
    "<=": tf.less_equal,
    ">": tf.greater,
    ">=": tf.greater_equal,
    "==": tf.equal,
    "!=": tf.not_equal,
    "and": tf.logical_and,
    "or": tf.logical_or,
    "not": tf.logical_not,
    "log": _log,
    "log1p": _log1p,
    "exp": _bounded(tf.exp),
    "sqrt": lambda x: tf.sqrt(tf.maximum(x, tf.constant(0.0, tf.float64))),
    "sigmoid": tf.sigmoid,
    "abs": tf.abs,
    "min": lambda *of: functools.reduce(tf.minimum, of),
    "max": lambda *of: functools.reduce(tf.maximum, of),
    "clip": lambda x, low, high: tf.minimum(tf.maximum(x, low), high),
    "where": tf.where,
    "expected": _expected,
}
