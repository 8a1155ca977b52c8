"""The values of an expression, in the graph.

No operation gives what is not finite, unless a name stands for it: see `protos/score.proto` for
what stands in its place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfmtl.config.expressions import SMALLEST, Call, Number, Tree
from tfmtl.features.column import Column
from tfmtl.features.conversion import as_numbers

Tensors = Mapping[str, tf.Tensor]

# Far from what overflows in a further operation.
_LARGEST = 1e300
_LARGEST_SERVED = tf.float32.max


def numbers_of(values: tf.Tensor, column: Column) -> tf.Tensor:
    """A column's numbers, float64, or truth values; its default, or 0, where one is missing."""
    if values.dtype == tf.bool:
        return values
    numbers = tf.cast(as_numbers(values) if column.is_text else values, tf.float64)
    default = tf.constant(column.default_number, tf.float64)
    return tf.where(tf.math.is_finite(numbers), numbers, default)


def value_of(tree: Tree, names: Mapping[str, Tensors]) -> tf.Tensor:
    """The value of a resolved tree, `()` or `(batch,)`; float64, or bool.

    Args:
        tree: The tree.
        names: What its names stand for, by their kind; numbers are float64.
    """
    if isinstance(tree, Number):
        return tf.constant(tree.value, tf.float64)
    if isinstance(tree, Call):
        return OPERATIONS[tree.function](*[value_of(each, names) for each in tree.arguments])
    value = names[tree.kind][tree.name]
    return value if tree.part is None else value[:, tree.part]


def served(value: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """A value as a model gives it, float32 `(batch,)`.

    A constant is a number for each row as well; one that float32 cannot hold is its largest.

    Args:
        value: A value of `value_of`.
        rows: `[batch]`.
    """
    limited = tf.clip_by_value(tf.cast(value, tf.float64), -_LARGEST_SERVED, _LARGEST_SERVED)
    return tf.cast(tf.broadcast_to(limited, rows), tf.float32)


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
