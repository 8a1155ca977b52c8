"""PE-LTR: Pareto-efficient weights with bounds.

    min ‖Σ ω_k·g_k‖²   with Σ ω_k = 1 and ω_k ≥ c_k

With the sum alone, ω̂ = G⁻¹·1 / (1ᵀ·G⁻¹·1). Then ω − c is the nearest point to ω̂ − c that is at
least 0 and has the sum 1 − Σ c.

References:
    Lin et al., "A Pareto-Efficient Algorithm for Multiple Objective Optimization in E-Commerce
    Recommendation", RecSys 2019, https://doi.org/10.1145/3298689.3346998, algorithm 2
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights, alike
from tfmtl.tasks.balancing.gram import solve_present, solve_regular
from tfmtl.tasks.balancing.simplex import project


class Pareto(Balancer):
    """Finds the weights of the shortest sum of gradients, above bounds.

    Args:
        bounds: c of each task; their sum is at most 1.
    """

    needs_gradients = True

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__(len(bounds))
        self._bounds = list(bounds)

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return alike(solve_present(gram, _within, tf.constant(self._bounds, tf.float64)))


def _within(gram: tf.Tensor, bounds: tf.Tensor) -> tf.Tensor:
    found = solve_regular(gram, tf.ones_like(bounds))
    found /= tf.reduce_sum(found)  # Above 0: G is positive definite.
    return project(found - bounds, 1.0 - tf.reduce_sum(bounds)) + bounds
