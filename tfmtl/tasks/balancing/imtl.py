"""Impartial learning: no task is favoured, neither by its gradient nor by its loss.

    losses      Σ_k exp(s_k)·L_k − s_k, whose slope in s_k is exp(s_k)·L_k − 1
    gradients   Σ_k α_k·g_k with the same projection on every u_k = g_k/‖g_k‖, Σ α_k = 1, g_k of the
                losses so scaled: G·α is a multiple of (‖g_k‖)_k

The s_k of a task without rows in a batch stands still.

References:
    Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021,
    https://openreview.net/forum?id=IMPnRXEWpvr, eq. 5 and 6
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.adam import Adam
from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, present
from tfmtl.tasks.balancing.gram import lengths, solve_present, solve_regular


class IMTL(Balancer):
    """Balances gradients, and losses if asked to.

    Args:
        count: Number of tasks.
        balance_losses: Whether the s_k are learned; otherwise they are 0.
        learning_rate: Rate of the s_k.
    """

    needs_gradients = True

    def __init__(
        self, count: int, balance_losses: bool = True, learning_rate: float = 0.01
    ) -> None:
        super().__init__(count)
        self._balances_losses = balance_losses
        if balance_losses:
            self.s = self.remember_tasks("s", 0.0)
            self._adam = Adam(self, self.s, learning_rate)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        own = self._scales()
        scaled = gram * own[:, tf.newaxis] * own
        return Weights(own * solve_present(scaled, _impartial), own)

    def update(self, observed: Observed) -> None:
        if self._balances_losses:
            slope = self._scales() * observed.values - 1.0
            self._adam.descend(slope, present(observed.values))

    def _scales(self) -> tf.Tensor:
        return tf.exp(self.s) if self._balances_losses else tf.ones([self.count])


def _impartial(gram: tf.Tensor) -> tf.Tensor:
    found = solve_regular(gram, lengths(gram))
    return found / tf.reduce_sum(found)
