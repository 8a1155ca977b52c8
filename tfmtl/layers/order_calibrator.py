"""The behavioural expectation: a step is not likelier than the step before it.

    penalty = weight · mean over rows of Σ max(p_after − p_before, 0),  p = σ(c)

over pairs of steps: of all neighbours on a path, or of one step and those before it.

Xi et al. 2021, "Modeling the Sequential Dependence among Audience Multi-step Conversions with
Multi-task Learning in Targeted Display Advertising" (KDD, arXiv:2105.08489), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class OrderCalibrator(keras.layers.Layer):
    """Passes logits (batch, 1) of the steps on, and adds that penalty to the loss while training.

    Args:
        weight: Weight of the penalty.
        pairs: The places of the step after and of the step before, of each pair; by default each
            step comes after the one in front of it.
    """

    def __init__(
        self, weight: float, pairs: Sequence[Sequence[int]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.pairs = pairs

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        if training:
            p = [tf.sigmoid(tf.cast(logits, tf.float32)) for logits in inputs]
            pairs = [(k, k - 1) for k in range(1, len(p))] if self.pairs is None else self.pairs
            excess = [tf.nn.relu(p[after] - p[before]) for after, before in pairs]
            self.add_loss(self.weight * tf.add_n([tf.reduce_mean(each) for each in excess]))
        return [tf.identity(logits) for logits in inputs]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight, "pairs": self.pairs}
