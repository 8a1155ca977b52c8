"""Joint optimization of ranking and calibration: two logits of a row, for "no" and "yes".

    CE_i = -log softmax over classes(c_i)_{y_i}                     calibration
    GE_i = -log softmax over the rows of i's session(c_{·,y_i})_i   ranking
    L = α·mean CE + (1 - α)·mean GE

The logit of "no" is compared among the rows of a session where the label is 0, that of "yes" where
it is 1: only the rank of a row among those of its session counts there.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfmtl.tasks.losses.means import mean
from tfmtl.tasks.losses.rows import softmax_cross_entropy
from tfmtl.tasks.losses.sessions import Members, Sessions, logsumexp
from tfmtl.tasks.space import Targets

# Weights of CE and GE, which may be drawn anew each time.
Draw = Callable[[], tuple[tf.Tensor | float, tf.Tensor | float]]
# From CE and GE to the loss.
Balance = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class JRCLoss:
    """The two parts together. Each is a mean over the rows that have it; GE takes a session.

    Args:
        sessions: Which rows are compared.
        balance: Weighs the two parts.
        same_label: Whether GE compares a row with rows of its own label, too. Otherwise its softmax
            is over the row itself and those with the other label.

    References:
        Sheng et al., "Joint Optimization of Ranking and Calibration with Contextualized Hybrid
        Model", KDD 2023, https://arxiv.org/abs/2208.06164
    """

    is_squared = False

    def __init__(self, sessions: Sessions, balance: Balance, same_label: bool = True) -> None:
        self.sessions, self.balance, self.same_label = sessions, balance, same_label
        self.columns = sessions.columns
        self.variables = balance.variables if isinstance(balance, LearnedBalance) else []

    def __call__(
        self, label: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, targets: Targets
    ) -> tf.Tensor:
        members = self.sessions.members(label, logits, weight, targets)
        ranked = _among_all(members) if self.same_label else _among_others(members)
        entropy = mean(softmax_cross_entropy(label, logits), weight)
        return self.balance(entropy, mean(ranked, members.weight))


class LearnedBalance:
    """Weights by learned uncertainty, of an s for each part that starts from 0.

        exp(−s₁)·CE + s₁/2 + exp(−s₂)·GE + s₂/2

    The s/2 move the s alone. They are no part of the value, which stays comparable and is 0 without
    rows; and an s does not move by a part without rows, whose weight would grow and grow.

    References:
        Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry
        and Semantics", CVPR 2018, https://arxiv.org/abs/1705.07115
    """

    def __init__(self) -> None:
        self.variables = [tf.Variable([0.0, 0.0], name="uncertainty")]

    def __call__(self, calibration: tf.Tensor, ranking: tf.Tensor) -> tf.Tensor:
        (s,), parts = self.variables, tf.stack([calibration, ranking])
        slope_alone = (s - tf.stop_gradient(s)) / 2
        return tf.reduce_sum(tf.exp(-s) * parts + tf.where(parts != 0.0, slope_alone, 0.0))


def weighed(draw: Draw) -> Balance:
    """By weights that are drawn for each batch."""

    def balance(calibration: tf.Tensor, ranking: tf.Tensor) -> tf.Tensor:
        first, second = draw()
        return first * calibration + second * ranking

    return balance


def fixed(alpha: float) -> Balance:
    """α and 1 - α."""
    return weighed(lambda: (alpha, 1.0 - alpha))


def random_uniform() -> tuple[tf.Tensor, tf.Tensor]:
    """U and 1 - u, u between 0 and 1."""
    u = tf.random.uniform([])
    return u, 1.0 - u


def random_normal() -> tuple[tf.Tensor, tf.Tensor]:
    """The softmax of two normal numbers."""
    weights = tf.nn.softmax(tf.random.normal([2]))
    return weights[0], weights[1]


def random_bernoulli() -> tuple[tf.Tensor, tf.Tensor]:
    """Two coins, divided by their sum; ½ each if both are 0."""
    coins = tf.cast(tf.random.uniform([2]) < 0.5, tf.float32)
    coins = tf.where(tf.reduce_sum(coins) == 0.0, 1.0, coins)
    weights = coins / tf.reduce_sum(coins)
    return weights[0], weights[1]


def _own_logit(members: Members) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether the label is "yes", and the logit of the label, `(m,)` each."""
    is_yes = members.label > 0.0
    return is_yes, tf.where(is_yes, members.logits[:, 1], members.logits[:, 0])


def _among_all(members: Members) -> tf.Tensor:
    """GE against all rows of the session, `(m,)`."""
    is_yes, own = _own_logit(members)
    totals = tf.gather(logsumexp(members.logits, members.session, members.count), members.session)
    return tf.where(is_yes, totals[:, 1], totals[:, 0]) - own


def _among_others(members: Members) -> tf.Tensor:
    """GE against the row itself and those with the other label, `(m,)`; 0 if there are none."""
    is_yes, own = _own_logit(members)
    other = tf.where(is_yes, members.logits[:, 0], members.logits[:, 1])
    # Rows by session and by the label that they are compared with.
    yes, places = tf.cast(is_yes, tf.int32), 2 * members.session
    count = 2 * members.count
    against, mine = places + 1 - yes, places + yes
    rows = tf.math.unsorted_segment_sum(tf.ones_like(own), against, count)
    rivals = tf.gather(logsumexp(other, against, count), mine)
    return tf.where(tf.gather(rows, mine) > 0.0, tf.math.softplus(rivals - own), 0.0)
