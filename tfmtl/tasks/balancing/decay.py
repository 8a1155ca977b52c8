"""Weights that grow or shrink by a ratio.

w_k(t) = γ_k^t,  t the periods that have passed

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, eq. 11
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike
from tfmtl.tasks.balancing.periods import Periods


class Decay(Balancer):
    """Multiplies the weights by their ratios after every period.

    Args:
        ratios: γ of each task.
        period: Steps of a period.
    """

    def __init__(self, ratios: Sequence[float], period: int) -> None:
        super().__init__(len(ratios))
        self._ratios = list(ratios)
        self._periods = Periods(self, period)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        passed = tf.cast(self._periods.passed, tf.float32)
        return alike(tf.pow(tf.constant(self._ratios, tf.float32), passed))

    def update(self, observed: Observed) -> None:
        self._periods.step()
