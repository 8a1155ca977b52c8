"""Adaptive information transfer: how much a task takes of the task before it.

    w_u = softmax_u(⟨h₂(u), h₃(u)⟩ / √d),    q = Σ_u w_u·h₁(u),    u ∈ {p, t}

p is what the task before hands on, t the task's own; h₁, h₂, h₃ are linear maps to d units.

Xi et al. 2021, "Modeling the Sequential Dependence among Audience Multi-step Conversions with
Multi-task Learning in Targeted Display Advertising" (KDD, arXiv:2105.08489), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class TransferAttention(keras.layers.Layer):
    """Maps vectors (batch, inputs) of equal width to one of (batch, project_dim).

    Args:
        project_dim: d.
    """

    def __init__(self, project_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.project_dim = project_dim
        names = ("value", "query", "key")
        self._maps = [keras.layers.Dense(project_dim, name=name) for name in names]

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        u = tf.stack(inputs, axis=1)
        value, query, key = (dense(u) for dense in self._maps)
        return attended(query, key, value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "project_dim": self.project_dim}


def attended(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Σ_u softmax_u(⟨query_u, key_u⟩ / √d)·value_u, (batch, d).

    Args:
        query: (batch, vectors, d), or (batch, 1, d) for all vectors.
        key: (batch, vectors, d).
        value: (batch, vectors, d).
    """
    scores = tf.reduce_sum(query * key, axis=2, keepdims=True) / query.shape[-1] ** 0.5
    return tf.reduce_sum(tf.nn.softmax(scores, axis=1) * value, axis=1)
