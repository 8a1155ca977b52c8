"""The behavioural expectation: a step is not likelier than the step before it.

    penalty = weight · mean over rows of Σ_{k>1} max(p_k − p_{k−1}, 0),  p_k = σ(c_k)

Xi et al. 2021, "Modeling the Sequential Dependence among Audience Multi-step Conversions with
Multi-task Learning in Targeted Display Advertising" (KDD, arXiv:2105.08489), section 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class OrderCalibrator(keras.layers.Layer):
    """Passes logits (batch, 1) of the steps on, and adds that penalty to the loss while training.

    Args:
        weight: Weight of the penalty.
    """

    def __init__(self, weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        if training:
            p = [tf.sigmoid(tf.cast(logits, tf.float32)) for logits in inputs]
            excess = [tf.nn.relu(after - before) for before, after in itertools.pairwise(p)]
            self.add_loss(self.weight * tf.add_n([tf.reduce_mean(each) for each in excess]))
        return [tf.identity(logits) for logits in inputs]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}
