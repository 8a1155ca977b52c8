"""RMSProp as TensorFlow 1 had it, which is what EasyRec's configs were tuned for.

    s ← ρ·s + (1 − ρ)·g²        m ← μ·m + η·g / √(s + ε)        θ ← θ − m

Hinton 2012, lecture 6e of "Neural Networks for Machine Learning". s starts at 1 and ε stands under
the root. Keras's own starts at 0, and without momentum it decays the s of every row of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.training.row_sparse import UniqueRows


@keras.utils.register_keras_serializable("tfmtl")
class RMSprop(UniqueRows, keras.optimizers.legacy.RMSprop):
    """Row-sparse RMSProp.

    Args:
        learning_rate: η, a number or a schedule.
        rho: ρ, the decay of the mean of squares.
        momentum: μ.
        epsilon: ε, added to the mean of squares.
        name: Name of the optimizer.
        **kwargs: As for `keras.optimizers.legacy.RMSprop`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1.0,
        name: str = "RMSprop",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, rho, momentum, epsilon, name=name, **kwargs)
        self._momentum = True  # The fused kernel, whose momentum may well be 0.

    def _create_slots(self, var_list: Sequence[tf.Variable]) -> None:
        for var in var_list:
            self.add_slot(var, "rms", initializer="ones")
            self.add_slot(var, "momentum")

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        # TensorFlow's kernel for this, ResourceSparseApplyRMSProp, is for CPUs only.
        key = (var.device, var.dtype.base_dtype)
        rates = (apply_state or {}).get(key) or self._fallback_apply_state(*key)
        rms, momentum = self.get_slot(var, "rms"), self.get_slot(var, "momentum")
        squares = rates["rho"] * tf.gather(rms, indices) + rates["one_minus_rho"] * tf.square(grad)
        step = rates["momentum"] * tf.gather(momentum, indices)
        step += rates["lr_t"] * grad * tf.math.rsqrt(squares + rates["epsilon"])
        return tf.group(
            tf.raw_ops.ResourceScatterUpdate(resource=rms.handle, indices=indices, updates=squares),
            tf.raw_ops.ResourceScatterUpdate(
                resource=momentum.handle, indices=indices, updates=step
            ),
            tf.raw_ops.ResourceScatterSub(resource=var.handle, indices=indices, updates=step),
        )
