"""Variational dropout: how much of each feature is dropped is learnt, and tells what it is worth.

    training    y = x·(1 − z),  z = σ((logit p + logit u) / t),  u ~ U(0, 1)
    otherwise   y = x·(1 − p)
    penalty     λ/B·Σ (1 − p)

with p = σ(θ), the share that is dropped, learnt for each feature or for each entry; B is the size
of the batch, and z a Bernoulli variable made smooth at temperature t = 0.1.

Chang, Rampasek & Goldenberg 2017, "Dropout Feature Ranking for Deep Learning Models"
(arXiv:1712.08645).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

_TEMPERATURE = 0.1
_EPSILON = 1e-7


@keras.utils.register_keras_serializable("tfmtl")
class VariationalDropout(keras.__internal__.layers.BaseRandomLayer):
    """Drops what `(batch, Σ widths)` has of features, as much of each as is learnt.

    Args:
        widths: The widths of the features, in their order.
        entry_wise: Whether each entry of a feature has a share of its own.
        penalty: λ.
    """

    def __init__(
        self, widths: Sequence[int], entry_wise: bool = False, penalty: float = 0.01, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.widths = list(widths)
        self.entry_wise = entry_wise
        self.penalty = penalty

    def build(self, input_shape: Any) -> None:
        shares = sum(self.widths) if self.entry_wise else len(self.widths)
        super().build(input_shape)
        self.logit = self.add_weight(name="logit", shape=(shares,), initializer="zeros")

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kept = tf.sigmoid(-self.logit)
        if not training:
            return inputs * self._by_entry(kept)
        rows = tf.shape(inputs)[0]
        self.add_loss(self.penalty * tf.reduce_sum(kept) / tf.cast(tf.maximum(rows, 1), kept.dtype))
        noise = self._random_generator.random_uniform(  # Its place is part of a checkpoint.
            [rows, self.logit.shape[0]], _EPSILON, 1.0 - _EPSILON
        )
        noise = tf.math.log(noise) - tf.math.log1p(-noise)
        return inputs * self._by_entry(tf.sigmoid(-(self.logit + noise) / _TEMPERATURE))

    def _by_entry(self, shares: tf.Tensor) -> tf.Tensor:
        if self.entry_wise:
            return shares
        features = np.repeat(np.arange(len(self.widths)), self.widths)
        return tf.gather(shares, features, axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("widths", "entry_wise", "penalty")
        return {**config, **{name: getattr(self, name) for name in names}}
