"""Adam on a few numbers, one for each task, some of which may stand still.

m ← β₁·m + (1 − β₁)·g,  v ← β₂·v + (1 − β₂)·g²
x ← x − η·m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

References:
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    https://arxiv.org/abs/1412.6980, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Moves a variable of a balancer.

    Args:
        balancer: Remembers the moments.
        variable: What is moved, `(tasks,)`.
        learning_rate: η.
    """

    def __init__(self, balancer: Balancer, variable: tf.Variable, learning_rate: float) -> None:
        self._variable = variable
        self._rate = learning_rate
        self._m = balancer.remember_tasks("adam/m", 0.0)
        self._v = balancer.remember_tasks("adam/v", 0.0)
        self._t = balancer.remember_tasks("adam/t", 0.0)

    def descend(self, gradient: tf.Tensor, chosen: tf.Tensor) -> None:
        """Makes a step with the numbers that are chosen; each counts its own steps.

        Args:
            gradient: `(tasks,)`.
            chosen: `(tasks,)` booleans.
        """
        m = _BETA_1 * self._m + (1 - _BETA_1) * gradient
        v = _BETA_2 * self._v + (1 - _BETA_2) * tf.square(gradient)
        t = self._t + 1.0
        root = tf.sqrt(v / (1 - tf.pow(_BETA_2, t))) + _EPSILON
        moved = self._variable - self._rate * m / (1 - tf.pow(_BETA_1, t)) / root
        pairs = ((self._variable, moved), (self._m, m), (self._v, v), (self._t, t))
        for variable, value in pairs:
            variable.assign(tf.where(chosen, value, variable))
