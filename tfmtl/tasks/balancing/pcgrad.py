"""PCGrad: what points against another task's gradient is taken away.

    h_i ← g_i;   for j ≠ i in random order:  if h_i·g_j < 0:  h_i ← h_i − (h_i·g_j / ‖g_j‖²)·g_j
    g = Σ_i h_i

The h_i are sums of the g_j; their factors C follow from the inner products.

References:
    Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020,
    https://arxiv.org/abs/2001.06782, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights
from tfmtl.tasks.balancing.draws import Draws


class PCGrad(Balancer):
    """Projects conflicting gradients.

    Args:
        count: Number of tasks.
        seed: Of the orders, which depend on it and on the step's number alone.
    """

    needs_gradients = True

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count)
        self._draws = Draws(self, seed)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        own = tf.ones([self.count])
        factors = tf.eye(self.count)  # Of g_j in h_i.
        squares = tf.linalg.diag_part(gram)
        orders = self._orders()
        for place in range(self.count):
            others = orders[:, place]
            products = tf.reduce_sum(factors * tf.gather(gram, others), axis=1)
            conflicts = tf.where(others == tf.range(self.count), 0.0, tf.minimum(products, 0.0))
            taken = tf.math.divide_no_nan(conflicts, tf.gather(squares, others))
            factors -= taken[:, tf.newaxis] * tf.one_hot(others, self.count)
        return Weights(tf.reduce_sum(factors, axis=0), own)

    def update(self, observed: Observed) -> None:
        self._draws.step()

    def _orders(self) -> tf.Tensor:
        """An order of the tasks for each of them, `(tasks, tasks)`."""
        drawn = tf.random.stateless_uniform([self.count, self.count], self._draws.seed)
        return tf.argsort(drawn, axis=1)
