"""The bargaining solution: no task could gain more, in proportion, than the others would lose.

    G·w = 1/w,  w > 0

It is the only minimum of the convex ½·wᵀ·G·w − Σ log w_k, which damped Newton steps find: with
slope s, curvature H = G + diag(1/w²) and δ = √(sᵀ·H⁻¹·s), w ← w − H⁻¹·s / (1 + δ).

References:
    Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022,
    https://arxiv.org/abs/2202.01017, eq. 2
    Nesterov and Nemirovskii, "Interior-Point Polynomial Algorithms in Convex Programming", SIAM
    1994, section 2.2, on the damped steps
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Observed, Weights, alike
from tfmtl.tasks.balancing.gram import normalized, solve_present, solve_regular
from tfmtl.tasks.balancing.periods import Periods

_STEPS = 50
_CLOSE = 1e-7
_QUADRATIC = 0.25  # Below this δ, full steps converge quadratically.


class NashMTL(Balancer):
    """Bargains for the weights.

    Args:
        count: Number of tasks.
        max_norm: The longest that the sum of the shared gradients may be; 0 for any.
        every_steps: Steps between two bargains. A task that had no rows at the last one has weight
            0 until the next.
    """

    needs_gradients = True

    def __init__(self, count: int, max_norm: float = 1.0, every_steps: int = 1) -> None:
        super().__init__(count)
        self._max_norm = max_norm
        self._periods = Periods(self, every_steps) if every_steps > 1 else None
        if self._periods:
            self._kept = self.remember_tasks("kept", 0.0)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        own = self._own(gram)
        if not self._max_norm:
            return alike(own)
        square = tf.tensordot(own, tf.linalg.matvec(gram, own), 1)
        length = tf.sqrt(tf.maximum(square, self._max_norm**2))
        return Weights(own * self._max_norm / length, own)

    def update(self, observed: Observed) -> None:
        if self._periods:
            self._kept.assign(self._own(observed.gram))
            self._periods.step()

    def _own(self, gram: tf.Tensor) -> tf.Tensor:
        if not self._periods:
            return solve_present(gram, bargain)
        return tf.cond(
            self._periods.begins, lambda: solve_present(gram, bargain), self._kept.read_value
        )


def bargain(gram: tf.Tensor) -> tf.Tensor:
    """The w with G·w = 1/w.

    Args:
        gram: G, `(tasks, tasks)`.
    """
    likeness, scale = normalized(gram)  # w·scale has the size of 1.

    def is_far(w: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
        del w
        return distance > _CLOSE

    def step(w: tf.Tensor, distance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        slope = tf.linalg.matvec(likeness, w) - 1.0 / w
        move = solve_regular(likeness + tf.linalg.diag(1.0 / tf.square(w)), slope)
        distance = tf.sqrt(tf.maximum(tf.tensordot(slope, move, 1), 0.0))
        damped = 1.0 / tf.where(distance < _QUADRATIC, tf.ones_like(distance), 1.0 + distance)
        return w - damped * move, distance

    start = tf.ones_like(scale), tf.constant(float("inf"), scale.dtype)
    w, _ = tf.while_loop(is_far, step, start, maximum_iterations=_STEPS)
    return w / scale
