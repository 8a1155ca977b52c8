"""Losses of pairs of rows: in a session, a row with a higher label should have a higher logit.

    L = Σ w_i·l(d_ij, y_i - y_j) / number of pairs,  d_ij = (c_i - c_j) / temperature,  y_i > y_j

over the pairs (i, j) of rows of the task's sample space that are of one session; 0 without any. The
weight of a pair is that of its first row.

Pairs are listed and not cut out of a matrix of batch × batch. To list them takes, for every row
above the lowest label of its session, as many numbers as the session has rows; the loss takes some
ten numbers a pair. With sessions of a few rows this is next to nothing. The worst is one session of
the whole batch: of 4096 rows, 5% of them clicks, there are 0.8 million pairs (some 40 MB); with
labels that are all different, half of the matrix, 8.4 million (some 400 MB).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfmtl.tasks.losses.means import mean_of_hardest
from tfmtl.tasks.losses.sessions import Members, Sessions
from tfmtl.tasks.space import Targets

# A pair's loss, of the differences d and y_i - y_j.
Surrogate = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class PairwiseLoss:
    """The mean of a loss of pairs.

    Args:
        surrogate: The loss of each pair, `(pairs,)`.
        sessions: Which rows are compared.
        temperature: Divides the logits.
        hardest: The share of the pairs to keep, as of `mean_of_hardest`.
        dropped_from: Pairs whose d is this or more do not count; None if all do.
    """

    is_squared = False

    def __init__(
        self,
        surrogate: Surrogate,
        sessions: Sessions,
        temperature: float = 1.0,
        hardest: float = 1.0,
        dropped_from: float | None = None,
    ) -> None:
        self.surrogate, self.sessions, self.temperature = surrogate, sessions, temperature
        self.hardest, self.dropped_from = hardest, dropped_from
        self.columns = sessions.columns

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        members = self.sessions.members(label, logits, weight, targets)
        first, second = pairs(members)
        c = tf.squeeze(members.logits, axis=-1) / self.temperature
        d = tf.gather(c, first) - tf.gather(c, second)
        gap = tf.gather(members.label, first) - tf.gather(members.label, second)
        weights = tf.gather(members.weight, first)
        if self.dropped_from is not None:
            weights = tf.where(d < self.dropped_from, weights, 0.0)
        return mean_of_hardest(self.surrogate(d, gap), weights, self.hardest)


def pairs(members: Members) -> tuple[tf.Tensor, tf.Tensor]:
    """The places of the rows of every pair, `(pairs,)` each: of the higher label, of the other.

    Args:
        members: The rows.
    """
    label, session, count = members.label, members.session, members.count
    by_session = tf.argsort(session, stable=True)
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(session), session, count)
    starts = tf.cumsum(sizes, exclusive=True)
    lowest = tf.math.unsorted_segment_min(label, session, count)
    upper = tf.cast(tf.where(label > tf.gather(lowest, session))[:, 0], tf.int32)
    # Every row of `upper` beside all rows of its session.
    its_session = tf.gather(session, upper)
    times = tf.gather(sizes, its_session)
    first = tf.repeat(upper, times)
    shift = tf.gather(starts, its_session) - tf.cumsum(times, exclusive=True)
    second = tf.gather(by_session, tf.range(tf.size(first)) + tf.repeat(shift, times))
    is_pair = tf.gather(label, first) > tf.gather(label, second)
    return tf.boolean_mask(first, is_pair), tf.boolean_mask(second, is_pair)


def logistic(margin: float | None = 0.0) -> Surrogate:
    """`log(1 + exp(margin - d))`; the margin is the difference of the labels if None.

    References:
        Burges et al., "Learning to Rank using Gradient Descent", ICML 2005
    """
    return lambda d, gap: tf.math.softplus((gap if margin is None else margin) - d)


def hinge(margin: float | None = None, label_scale: float = 1.0) -> Surrogate:
    """`max(margin - d, 0)`; the margin is the difference of the labels, scaled, if None.

    References:
        Herbrich et al., "Large Margin Rank Boundaries for Ordinal Regression", 2000
    """
    return lambda d, gap: tf.nn.relu((gap * label_scale if margin is None else margin) - d)


def focal(gamma: float = 2.0, alpha: float | None = None) -> Surrogate:
    """`α·(1 - σ(d))^γ·log(1 + exp(-d))`: it looks away from pairs that are well apart.

    References:
        Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017,
        https://arxiv.org/abs/1708.02002
    """
    scale = 1.0 if alpha is None else alpha

    def loss(d: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
        return scale * tf.exp(gamma * tf.math.log_sigmoid(-d)) * tf.math.softplus(-d)

    return loss
