"""Adam that touches only the rows of an embedding table that a batch looked up.

    m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²        θ ← θ − η_t·m / (√v + ε)
    η_t = η·√(1 − β₂ᵗ) / (1 − β₁ᵗ)

Kingma & Ba 2015, "Adam" (arXiv:1412.6980). Keras's Adam lets the moments of all rows decay at every
step, so that a step costs as much as all tables together; here it costs as much as the batch.
Weights that are no tables (dense gradients) get plain Adam by TensorFlow's fused kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.training.row_sparse import UniqueRows, set_rows
from tfmtl.training.weight_decay import DecoupledDecay


@keras.utils.register_keras_serializable("tfmtl")
class LazyAdam(UniqueRows, keras.optimizers.legacy.Adam):
    """Row-sparse Adam; its arguments are those of `keras.optimizers.legacy.Adam`.

    Moments that were taken over from another training have seen its steps, `earlier_steps`: t in
    η_t counts those, too, the learning rate's schedule does not.
    """

    _earlier_steps: tf.Variable | None = None

    @property
    def earlier_steps(self) -> tf.Variable:
        """Steps that moments which were taken over have seen."""
        if self._earlier_steps is None:
            with self._distribution_strategy_scope():
                self._earlier_steps = self.add_weight(
                    "earlier_steps",
                    [],
                    tf.int64,
                    trainable=False,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                )
        return self._earlier_steps

    def _create_slots(self, var_list: Sequence[tf.Variable]) -> None:
        _ = self.earlier_steps
        super()._create_slots(var_list)

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        rates = apply_state[(var_device, var_dtype)]
        t = tf.cast(self.iterations + self.earlier_steps + 1, var_dtype)
        powers = {f"{beta}_power": tf.pow(rates[f"{beta}_t"], t) for beta in ("beta_1", "beta_2")}
        rate = tf.sqrt(1 - powers["beta_2_power"]) / (1 - powers["beta_1_power"])
        rates.update(powers, lr=rates["lr_t"] * rate)

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
            set_rows(m, indices, m_rows),
            set_rows(v, indices, v_rows),
            set_rows(var, indices, rows),
        )

    def _rates(self, var: tf.Variable, apply_state: Any) -> dict[str, tf.Tensor]:
        key = (var.device, var.dtype.base_dtype)
        return (apply_state or {}).get(key) or self._fallback_apply_state(*key)


@keras.utils.register_keras_serializable("tfmtl")
class LazyAdamW(DecoupledDecay, LazyAdam):
    """Row-sparse Adam with decoupled weight decay.

    Args:
        name: Name of the optimizer.
        **kwargs: As for `DecoupledDecay` and `LazyAdam`.
    """

    def __init__(self, name: str = "AdamW", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)


def _toward(average: tf.Tensor, value: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """`(1 − share)·average + share·value`."""
    return average + (value - average) * share
