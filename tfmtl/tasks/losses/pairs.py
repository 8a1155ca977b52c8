"""Losses of pairs of rows: in a session, a row with a higher label should have a higher logit.

    L = Σ w_i·l(d_ij, y_i - y_j) / number of pairs,  d_ij = (c_i - c_j) / temperature,  y_i > y_j

over the pairs (i, j) of rows of the task's sample space that are of one session; 0 without any. The
weight of a pair is that of its first row.

Pairs are listed and not cut out of a matrix of batch × batch, so that a loss takes time and memory
for the pairs that there are: next to nothing where sessions are a few rows each. The worst is one
session of a whole batch. On two cores, a batch of 4096 rows costs, gradient included,

    rows of 20,000 users, 5% of them clicks           6 ms     1 MB
    one session, 5% clicks: 0.8 million pairs       0.1 s     40 MB
    one session, labels all different: 8.4 million  1.5 s    400 MB

and to keep only the hardest of 0.8 million pairs half a second more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    variables: Sequence[tf.Variable] = ()

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
            weights = tf.where(d >= self.dropped_from, 0.0, weights)  # NaN is not dropped.
        return mean_of_hardest(self.surrogate(d, gap), weights, self.hardest)


def pairs(members: Members) -> tuple[tf.Tensor, tf.Tensor]:
    """The places of the rows of every pair, `(pairs,)` each: of the higher label, of the other.

    Args:
        members: The rows.
    """
    # By session, and there by label: the pairs of a row are those with the first row of its session
    # to the last that has a lower label.
    rank = tf.cast(tf.math.invert_permutation(tf.argsort(members.label)), tf.int64)
    size = tf.size(rank, tf.int64)
    order = tf.argsort(tf.cast(members.session, tf.int64) * size + rank)
    session, label = tf.gather(members.session, order), tf.gather(members.label, order)
    starts_session = _differs(session)
    first_of_session = _last_place(starts_session)
    times = _last_place(starts_session | _differs(label)) - first_of_session
    upper = _repeated(times)
    shift = first_of_session - tf.cumsum(times, exclusive=True)
    lower = tf.range(tf.size(upper)) + tf.gather(shift, upper)
    return tf.gather(order, upper), tf.gather(order, lower)


def _repeated(times: tf.Tensor) -> tf.Tensor:
    """0, 1, … as often as `times` says; `tf.repeat` would be as large as the largest for all."""
    starts, count = tf.cumsum(times, exclusive=True), tf.reduce_sum(times)
    begun = tf.math.unsorted_segment_sum(tf.ones_like(starts), starts, count + 1)
    return tf.cumsum(begun)[:-1] - 1


def _differs(values: tf.Tensor) -> tf.Tensor:
    """Whether each element is another than the one before, `(m,)`; the first is."""
    return tf.concat([tf.ones_like(values[:1], tf.bool), values[1:] != values[:-1]], axis=0)


def _last_place(marks: tf.Tensor) -> tf.Tensor:
    """The place of the last mark up to each element, `(m,)`; the first element is marked."""
    places = tf.cast(tf.where(marks)[:, 0], tf.int32)
    return tf.gather(places, tf.cumsum(tf.cast(marks, tf.int32)) - 1)


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
