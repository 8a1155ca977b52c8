"""Minima over weights that are at least 0 and have the sum 1.

A step takes weight from the place where that helps most and gives it to the place where it helps
most, as much as is best for the two. It stops where moving helps no more, which is the minimum of
a convex function.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

# Ten tasks take 50 steps or so, two take one.
_STEPS = 250
_CLOSE = 1e-7  # Of the largest square of a gradient, which is a single float.
_TINY = 1e-30


def shortest(gram: tf.Tensor) -> tf.Tensor:
    """The w that make `‖Σ w_k·g_k‖` the shortest.

    Args:
        gram: The inner products of the g, `(tasks, tasks)`.

    Returns:
        `(tasks,)`.
    """

    def slopes(w: tf.Tensor) -> tf.Tensor:
        return tf.linalg.matvec(gram, w)

    def best(w: tf.Tensor, move: tf.Tensor) -> tf.Tensor:
        along = tf.linalg.matvec(gram, move)
        return -tf.tensordot(along, w, 1) / tf.maximum(tf.tensordot(along, move, 1), _TINY)

    return minimum(slopes, best, tf.linalg.diag_part(gram))


def most_averse(gram: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """The w with the least `g_w·g + radius·‖g_w‖`, g_w = Σ w_k·g_k and g the mean of the g_k.

    Along a move d from w, with h = d·G·w, q = d·G·d, r = ‖g_w‖² − h²/q and s the slope of the
    first part, the minimum is where t = h + q·δ = −sign(s)·√(s²·r / (radius² − s²/q)).

    Args:
        gram: The inner products of the g, `(tasks, tasks)`.
        radius: A scalar.

    Returns:
        `(tasks,)`.
    """
    means = tf.reduce_mean(gram, axis=1)

    def slopes(w: tf.Tensor) -> tf.Tensor:
        along = tf.linalg.matvec(gram, w)
        length = tf.sqrt(tf.maximum(tf.tensordot(w, along, 1), _TINY))
        return means + radius * along / length

    def best(w: tf.Tensor, move: tf.Tensor) -> tf.Tensor:
        along = tf.linalg.matvec(gram, move)
        h, s = tf.tensordot(along, w, 1), tf.tensordot(means, move, 1)
        q = tf.maximum(tf.tensordot(along, move, 1), _TINY)
        rest = tf.maximum(tf.tensordot(w, tf.linalg.matvec(gram, w), 1) - tf.square(h) / q, 0.0)
        bend = tf.square(radius) - tf.square(s) / q
        t = -tf.sign(s) * tf.sqrt(tf.square(s) * rest / tf.maximum(bend, _TINY))
        return tf.where(bend > 0.0, (t - h) / q, -tf.sign(s) * float("inf"))

    return minimum(slopes, best, tf.linalg.diag_part(gram))


def minimum(
    slopes: Callable[[tf.Tensor], tf.Tensor],
    best: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    scale: tf.Tensor,
) -> tf.Tensor:
    """The minimum of a convex function.

    Args:
        slopes: The gradient of the function at w, both `(tasks,)`.
        best: The factor δ that makes the function least at w + δ·move.
        scale: `(tasks,)`, of the size of slopes.
    """
    count, kind = tf.size(scale), scale.dtype
    tolerance = _CLOSE * tf.reduce_max(scale)

    def is_over(w: tf.Tensor, helps: tf.Tensor) -> tf.Tensor:
        del w
        return helps > tolerance

    def step(w: tf.Tensor, helps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        slope = slopes(w)
        taken = tf.argmax(tf.where(w > 0.0, slope, kind.min))
        given = tf.argmin(slope)
        move = tf.one_hot(given, count, dtype=kind) - tf.one_hot(taken, count, dtype=kind)
        helps = slope[taken] - slope[given]
        # Where taking all is best, exactly 0 is left, and not what rounding leaves.
        wanted, there = best(w, move), w[taken]
        moved = w + tf.clip_by_value(wanted, 0.0, there) * move
        is_emptied = (wanted >= there) & tf.cast(tf.one_hot(taken, count), tf.bool)
        moved = tf.where(is_emptied & (given != taken), tf.zeros_like(w), moved)
        return tf.where(helps > tolerance, moved, w), helps

    start = tf.fill([count], 1.0 / tf.cast(count, kind))
    w, _ = tf.while_loop(
        is_over, step, (start, tf.constant(float("inf"), kind)), maximum_iterations=_STEPS
    )
    return w


def project(point: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    """The nearest weights to a point that are at least 0 and have the sum `total`.

    References:
        Duchi et al., "Efficient Projections onto the l1-Ball for Learning in High Dimensions",
        ICML 2008, figure 1

    Args:
        point: `(tasks,)`.
        total: A scalar, at least 0.
    """
    falling = tf.sort(point, direction="DESCENDING")
    ranks = tf.range(1, tf.size(point) + 1)
    excess = (tf.cumsum(falling) - total) / tf.cast(ranks, point.dtype)
    last = tf.maximum(tf.reduce_max(tf.where(falling > excess, ranks, 0)), 1)
    return tf.maximum(point - excess[last - 1], 0.0)
