"""Decoupled weight decay: before an optimizer's own step, θ ← θ − λ·θ.

Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization" (arXiv:1711.05101). λ is not
multiplied by the learning rate, as in EasyRec. Of a table, the looked-up rows decay.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfmtl.training.row_sparse import set_rows


class DecoupledDecay:
    """Mixed in before a row-sparse optimizer.

    Args:
        weight_decay: λ.
        **kwargs: As for the optimizer.
    """

    def __init__(self, weight_decay: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight_decay = weight_decay

    def _resource_apply_dense(
        self, grad: tf.Tensor, var: tf.Variable, apply_state: Any = None
    ) -> tf.Operation:
        decayed = var.assign_sub(self.weight_decay * var, read_value=False)
        with tf.control_dependencies([decayed]):
            return super()._resource_apply_dense(grad, var, apply_state)  # type: ignore[misc]

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        decayed = set_rows(var, indices, (1.0 - self.weight_decay) * tf.gather(var, indices))
        with tf.control_dependencies([decayed]):
            return super()._resource_apply_sparse(grad, var, indices, apply_state)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        """The optimizer's arguments."""
        return {**super().get_config(), "weight_decay": self.weight_decay}  # type: ignore[misc]
