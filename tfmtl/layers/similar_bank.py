"""A bank of networks with weights of their own that a penalty draws together.

    penalty = l2_constraint · Σ_{i<j} ‖θ_i − θ_j‖²

θ_i are all trainable weights of network i. The sum over the pairs of N networks is N times that of
the distances from their mean.

Duong et al. 2015, "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural
Network Parser" (ACL, https://aclanthology.org/P15-2139).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.expert_bank import ExpertBank


@keras.utils.register_keras_serializable("tfmtl")
class SimilarBank(ExpertBank):
    """An `ExpertBank` with that penalty among its losses.

    Args:
        num_experts: N.
        hidden_units: Width of each layer of every network.
        l2_constraint: Weight of the penalty.
        **kwargs: As for `ExpertBank`.
    """

    def __init__(
        self,
        num_experts: int,
        hidden_units: Sequence[int],
        l2_constraint: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_experts, hidden_units, **kwargs)
        self.l2_constraint = l2_constraint
        if l2_constraint:
            self.add_loss(self._penalty)

    def _penalty(self) -> tf.Tensor | None:
        distances = [
            tf.reduce_sum(tf.math.squared_difference(theta, tf.reduce_mean(theta, 0, True)))
            for theta in self.trainable_weights
        ]
        return self.l2_constraint * self.num_experts * tf.add_n(distances) if distances else None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2_constraint": self.l2_constraint}
