"""Attention of a task over its own vector and those of the tasks it depends on.

    w_i = softmax_i(⟨q_0(x_0), k_i(x_i)⟩ / √d),    y = Σ_i w_i·v_i(x_i)

x_0 is the task's own; q_0 and all k_i and v_i are linear maps, each its own, to d units.

EasyRec's form of Xi et al. 2021, "Modeling the Sequential Dependence among Audience Multi-step
Conversions with Multi-task Learning in Targeted Display Advertising" (KDD, arXiv:2105.08489),
section 3, where one map is for all inputs (`TransferAttention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.layers.transfer_attention import attended


@keras.utils.register_keras_serializable("tfmtl")
class OwnAttention(keras.layers.Layer):
    """Maps vectors, a list of (batch, inputs), the own first, to (batch, units).

    Args:
        units: d; `None` for the width of the own vector.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(self, units: int | None = None, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        units, inputs = self.units or input_shape[0][-1], range(len(input_shape))
        self.query = self._dense(units, "query")
        self.keys = [self._dense(units, f"key_{index}") for index in inputs]
        self.values = [self._dense(units, f"value_{index}") for index in inputs]
        super().build(input_shape)

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(units, kernel_regularizer=l2_regularizer(self.l2), name=name)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        query = self.query(inputs[0])[:, tf.newaxis]
        keys = tf.stack([key(x) for key, x in zip(self.keys, inputs, strict=True)], axis=1)
        values = tf.stack([value(x) for value, x in zip(self.values, inputs, strict=True)], axis=1)
        return attended(query, keys, values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "l2": self.l2}
