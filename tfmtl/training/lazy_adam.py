"""Adam that touches only the rows of an embedding table that a batch looked up.

    m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²        θ ← θ − η_t·m / (√v + ε)
    η_t = η·√(1 − β₂ᵗ) / (1 − β₁ᵗ)

Kingma & Ba 2015, "Adam" (arXiv:1412.6980). Keras's Adam lets the moments of all rows decay at every
step, so that a step costs as much as all tables together; here it costs as much as the batch.
Weights that are no tables (dense gradients) get plain Adam by TensorFlow's fused kernel.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.training.row_sparse import UniqueRows


@keras.utils.register_keras_serializable("tfmtl")
class LazyAdam(UniqueRows, keras.optimizers.legacy.Adam):
    """Row-sparse Adam; its arguments are those of `keras.optimizers.legacy.Adam`."""

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        rates = self._rates(var, apply_state)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        m_rows = _toward(tf.gather(m, indices), grad, rates["one_minus_beta_1_t"])
        v_rows = _toward(tf.gather(v, indices), tf.square(grad), rates["one_minus_beta_2_t"])
        step = rates["lr"] * m_rows / (tf.sqrt(v_rows) + rates["epsilon"])
        rows = tf.gather(var, indices) - step
        return tf.group(
            _set_rows(m, indices, m_rows),
            _set_rows(v, indices, v_rows),
            _set_rows(var, indices, rows),
        )

    def _rates(self, var: tf.Variable, apply_state: Any) -> dict[str, tf.Tensor]:
        key = (var.device, var.dtype.base_dtype)
        return (apply_state or {}).get(key) or self._fallback_apply_state(*key)


@keras.utils.register_keras_serializable("tfmtl")
class LazyAdamW(LazyAdam):
    """Row-sparse Adam with decoupled weight decay: before Adam's step, θ ← θ − λ·θ.

    Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization" (arXiv:1711.05101). λ is not
    multiplied by the learning rate, as in EasyRec. Of a table, the looked-up rows decay.

    Args:
        weight_decay: λ.
        name: Name of the optimizer.
        **kwargs: As for `LazyAdam`.
    """

    def __init__(self, weight_decay: float = 1e-6, name: str = "AdamW", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.weight_decay = weight_decay

    def _resource_apply_dense(
        self, grad: tf.Tensor, var: tf.Variable, apply_state: Any = None
    ) -> tf.Operation:
        decayed = var.assign_sub(self.weight_decay * var, read_value=False)
        with tf.control_dependencies([decayed]):
            return super()._resource_apply_dense(grad, var, apply_state)

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        decayed = _set_rows(var, indices, (1.0 - self.weight_decay) * tf.gather(var, indices))
        with tf.control_dependencies([decayed]):
            return super()._resource_apply_sparse(grad, var, indices, apply_state)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_decay": self.weight_decay}


def _toward(average: tf.Tensor, value: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """`(1 − share)·average + share·value`."""
    return average + (value - average) * share


def _set_rows(variable: tf.Variable, rows: tf.Tensor, values: tf.Tensor) -> Any:
    """Writes rows. TensorFlow subtracts from them at a third of the speed."""
    return tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=values)
