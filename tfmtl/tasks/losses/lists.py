"""Losses of lists: the softmax over the rows of a session against what their labels say of them.

    L = 1/S Σ_sessions -Σ_i w_i·q_i·log softmax(|a|·c / temperature)_i

over the S sessions that have rows of the task's sample space; 0 without any. q tells the losses
apart, and is a function of the labels. a is 1, or learned: the task's other losses may want logits
that are farther apart, or nearer, than the labels of a list say.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfmtl.tasks.losses.sessions import Members, Sessions, logsumexp
from tfmtl.tasks.space import Targets

# The q of all rows, `(m,)`.
Relevance = Callable[[Members], tf.Tensor]


class ListwiseLoss:
    """The mean over sessions of the cross entropy of their rows.

    Args:
        relevance: The q of each row.
        sessions: Which rows are compared.
        temperature: Divides the logits.
        learns_scale: Whether a is learned, from 1 on.

    References:
        Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007
    """

    is_squared = False

    def __init__(
        self,
        relevance: Relevance,
        sessions: Sessions,
        temperature: float = 1.0,
        learns_scale: bool = False,
    ) -> None:
        self.relevance, self.sessions, self.temperature = relevance, sessions, temperature
        self.columns = sessions.columns
        self.variables = [tf.Variable(1.0, name="scale")] if learns_scale else []

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        members = self.sessions.members(label, logits, weight, targets)
        log_p = log_softmax(self._scaled(tf.squeeze(members.logits, axis=-1)), members)
        total = -tf.reduce_sum(members.weight * self.relevance(members) * log_p)
        return tf.math.divide_no_nan(total, tf.cast(members.count, total.dtype))

    def _scaled(self, c: tf.Tensor) -> tf.Tensor:
        c /= self.temperature
        return tf.abs(self.variables[0]) * c if self.variables else c


def log_softmax(c: tf.Tensor, members: Members) -> tf.Tensor:
    """`log softmax` over the rows of each session, `(m,)`.

    Args:
        c: `(m,)`.
        members: The rows.
    """
    return c - tf.gather(logsumexp(c, members.session, members.count), members.session)


def label_itself(members: Members) -> tf.Tensor:
    """Q = y."""
    return members.label


def label_softmax(temperature: float) -> Relevance:
    """Q = softmax(y / temperature): labels are logits."""
    return lambda members: tf.exp(log_softmax(members.label / temperature, members))


def rank_gain(highest: float) -> Relevance:
    """`q_i = g_i / Σ g`, `g = log(1 + max) - log(rank)`: labels are a teacher's ranks from 1 on.

    Args:
        highest: The max; ranks beyond it count as it, and those below 1 as 1.
    """

    def relevance(members: Members) -> tf.Tensor:
        rank = tf.clip_by_value(members.label, 1.0, highest)
        gain = tf.math.log1p(highest) - tf.math.log(rank)
        total = tf.math.unsorted_segment_sum(gain, members.session, members.count)
        return gain / tf.gather(total, members.session)

    return relevance
