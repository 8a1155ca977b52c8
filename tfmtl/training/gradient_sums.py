"""Sums of the tasks' gradients, and their inner products; row-sparse ones stay row-sparse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

# A tensor, an `IndexedSlices`, or None where there is none.
Gradient: TypeAlias = Any


def weighted_sum(weights: Sequence[Any], gradients: Sequence[Gradient]) -> Gradient:
    """`Σ_k w_k·g_k`; None if all are.

    Args:
        weights: Scalars.
        gradients: Of one variable, None where there is none.
    """
    return total([_scaled(w, g) for w, g in zip(weights, gradients, strict=True) if g is not None])


def total(gradients: Sequence[Gradient]) -> Gradient:
    """The sum of gradients of one variable, of which some may be None."""
    given = [gradient for gradient in gradients if gradient is not None]
    if len(given) < 2:
        return given[0] if given else None
    if not all(isinstance(gradient, tf.IndexedSlices) for gradient in given):
        return tf.add_n([tf.convert_to_tensor(gradient) for gradient in given])
    return tf.IndexedSlices(
        tf.concat([gradient.values for gradient in given], axis=0),
        tf.concat([gradient.indices for gradient in given], axis=0),
        given[0].dense_shape,
    )


def inner_products(by_task: Sequence[Sequence[Gradient]]) -> tf.Tensor:
    """`G_jk = Σ_v g_jv·g_kv`, `(tasks, tasks)`.

    Args:
        by_task: The gradients of each task, of the same variables or tensors.
    """
    count = len(by_task)
    sums = [tf.zeros([count, count])]
    for gradients in zip(*by_task, strict=True):
        if any(gradient is not None for gradient in gradients):
            rows = _rows(gradients)
            sums.append(tf.linalg.matmul(rows, rows, transpose_b=True))
    return tf.add_n(sums)


def _rows(gradients: Sequence[Gradient]) -> tf.Tensor:
    """The gradients of one variable as the rows of a matrix."""
    if all(isinstance(gradient, tf.IndexedSlices | None) for gradient in gradients):
        gradients = _aligned(gradients)
    given = next(gradient for gradient in gradients if gradient is not None)
    return tf.stack(
        [
            tf.reshape(tf.zeros_like(given) if gradient is None else gradient, [-1])
            for gradient in gradients
        ]
    )


def _aligned(gradients: Sequence[Gradient]) -> list[Gradient]:
    """Row-sparse gradients as their values at the same rows, those that any of them has."""
    given = [gradient for gradient in gradients if gradient is not None]
    rows, places = tf.unique(tf.concat([gradient.indices for gradient in given], axis=0))
    by_gradient = iter(tf.split(places, [tf.shape(each.indices)[0] for each in given]))
    return [
        None
        if gradient is None
        else tf.math.unsorted_segment_sum(gradient.values, next(by_gradient), tf.size(rows))
        for gradient in gradients
    ]


def _scaled(weight: Any, gradient: tf.Tensor | tf.IndexedSlices) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(weight * gradient.values, gradient.indices, gradient.dense_shape)
    return weight * gradient
