"""Dynamic weight average: more weight for a task whose loss falls slowly.

    w_k(t) = K·softmax_k(r_k/τ),  r_k = L_k(t−1) / L_k(t−2)

L_k(t) is the mean of the loss over the batches of period t that have rows of the task. A task that
has none keeps the mean that it had, so that its r_k is 1.

References:
    Liu et al., "End-to-End Multi-Task Learning with Attention", CVPR 2019,
    https://arxiv.org/abs/1803.10704, eq. 7
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike, present
from tfmtl.tasks.balancing.periods import Periods


class DWA(Balancer):
    """Weighs tasks by how their losses fell in the last two periods.

    Args:
        count: Number of tasks.
        period: Steps of a period.
        temperature: τ.
    """

    def __init__(self, count: int, period: int, temperature: float = 2.0) -> None:
        super().__init__(count)
        self._temperature = temperature
        self._periods = Periods(self, period)
        self._total = self.remember_tasks("total", 0.0)
        self._batches = self.remember_tasks("batches", 0.0)
        self._last = self.remember_tasks("last", 0.0)
        self._ratios = self.remember_tasks("ratios", 1.0)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(self.count * tf.nn.softmax(self._ratios / self._temperature))

    def update(self, observed: Observed) -> None:
        total = self._total + observed.values
        batches = self._batches + tf.cast(present(observed.values), tf.float32)
        last = self._last.read_value()
        means = tf.where(batches > 0.0, tf.math.divide_no_nan(total, batches), last)
        ratios = tf.where(tf.not_equal(last, 0.0), tf.math.divide_no_nan(means, last), 1.0)
        # Not under a condition, where replicas could not agree on a value.
        ends = self._periods.step()
        self._ratios.assign(tf.where(ends, ratios, self._ratios))
        self._last.assign(tf.where(ends, means, last))
        self._total.assign(tf.where(ends, 0.0, total))
        self._batches.assign(tf.where(ends, 0.0, batches))
