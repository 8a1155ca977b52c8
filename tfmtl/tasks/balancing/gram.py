"""The inner products of the tasks' gradients, and those of the tasks that have one."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

_RIDGE = 1e-9


def solve_present(
    gram: tf.Tensor, solve: Callable[..., tf.Tensor], *beside: tf.Tensor
) -> tf.Tensor:
    """Lets the tasks whose gradient is not 0 find their weights; the others get 0.

    Gradients that are not finite give finite weights, of no meaning: the step is an error anyway,
    and is told by its loss or gradient.

    Args:
        gram: The inner products, `(tasks, tasks)`.
        solve: From the inner products of those that are present, in double precision, and what
            `beside` has of them, to their weights.
        *beside: Further numbers of the tasks, `(tasks,)` each.

    Returns:
        `(tasks,)`.
    """
    count = gram.shape[0]
    finite = tf.reduce_all(tf.math.is_finite(gram))
    gram = tf.where(finite, tf.cast(gram, tf.float64), tf.eye(count, dtype=tf.float64))
    places = tf.where(tf.linalg.diag_part(gram) > 0.0)[:, 0]
    among = tf.gather(tf.gather(gram, places), places, axis=1)
    its = [tf.gather(each, places) for each in beside]
    found = tf.cond(
        tf.size(places) > 0, lambda: solve(among, *its), lambda: tf.zeros([0], tf.float64)
    )
    return tf.cast(tf.scatter_nd(places[:, tf.newaxis], found, [count]), tf.float32)


def lengths(gram: tf.Tensor) -> tf.Tensor:
    """The norms of the gradients, `(tasks,)`."""
    return tf.sqrt(tf.maximum(tf.linalg.diag_part(gram), 0.0))


def solve_regular(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """The x with `matrix·x = right`; of a singular matrix that of one nearby.

    Args:
        matrix: Symmetric and positive semidefinite, `(tasks, tasks)`, of a diagonal above 0.
        right: `(tasks,)`.
    """
    likeness, scale = normalized(matrix)
    likeness += _RIDGE * tf.eye(tf.size(right), dtype=matrix.dtype)
    return tf.linalg.solve(likeness, (right / scale)[:, tf.newaxis])[:, 0] / scale


def normalized(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A matrix with the diagonal 1, and the s, `(tasks,)`, it is divided by: M_jk / (s_j·s_k).

    Args:
        matrix: Of a diagonal above 0, `(tasks, tasks)`.
    """
    scale = tf.sqrt(tf.linalg.diag_part(matrix))
    return matrix / (scale[:, tf.newaxis] * scale), scale
