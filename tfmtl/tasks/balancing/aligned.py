"""Aligned-MTL: the principal components of the tasks' gradients are given one length.

    G = V·Λ·Vᵀ,   w = √λ_min·V·Λ^(−1/2)·Vᵀ·1,   λ_min the least eigenvalue that is not 0

so that the matrix of gradients, whose rows are then orthogonal and of one length, is as stable as
can be, and no task dominates.

References:
    Senushkin et al., "Independent Component Alignment for Multi-Task Learning", CVPR 2023,
    https://arxiv.org/abs/2305.19000, algorithm 1
"""

from __future__ import annotations

import tensorflow as tf

from tfmtl.tasks.balancing.base import Balancer, Weights
from tfmtl.tasks.balancing.gram import solve_present

_RANK = 1e-7  # A smaller share of the largest eigenvalue is 0: gradients are single floats.


class AlignedMTL(Balancer):
    """Aligns the principal components of the gradients.

    Args:
        count: Number of tasks.
    """

    needs_gradients = True

    def weights(self, values: tf.Tensor, gram: tf.Tensor | None = None) -> Weights:
        return Weights(solve_present(gram, _aligned), tf.ones_like(values))


def _aligned(gram: tf.Tensor) -> tf.Tensor:
    lambdas, vectors = tf.linalg.eigh(gram)
    counts = lambdas > _RANK * tf.reduce_max(lambdas)
    least = tf.reduce_min(tf.where(counts, lambdas, float("inf")))
    factors = tf.where(counts, tf.sqrt(least / tf.where(counts, lambdas, 1.0)), 0.0)
    return tf.linalg.matvec(vectors, factors * tf.reduce_sum(vectors, axis=0))
