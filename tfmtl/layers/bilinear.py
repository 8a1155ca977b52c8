"""Bilinear products of all pairs of features, and a dense layer over them.

    p_ij = (W·e_i) ⊙ e_j        summed to one number with `use_plus`,    i < j
    y = V·[p_ij] + b

W is one matrix, one of each feature i, or one of each pair.

Huang et al. 2019, "FiBiNET: Combining Feature Importance and Bilinear Feature Interaction for
Click-Through Rate Prediction" (RecSys, arXiv:1905.09433), section 3.3; the sum is of Zhang et al.
2022, "FiBiNet++" (arXiv:2209.05016), section 3.3.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.perceptron import l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class BiLinear(keras.layers.Layer):
    """Maps features, a list of (batch, width), to (batch, units).

    Args:
        units: Width of the result.
        matrices: `all`, `each` or `interaction`, which alone takes features of several widths.
        use_plus: Whether a product is summed to one number.
        l2: The penalty l2·Σw²/2 on the kernels.
    """

    def __init__(
        self,
        units: int,
        matrices: str = "interaction",
        use_plus: bool = True,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.matrices = matrices
        self.use_plus = use_plus
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        widths = [shape[-1] for shape in input_shape]
        self._kernels: dict[str, tf.Variable] = {}
        for i, j in itertools.combinations(range(len(widths)), 2):
            if self._matrix(i, j) not in self._kernels:
                self._kernels[self._matrix(i, j)] = self.add_weight(
                    name=self._matrix(i, j),
                    shape=(widths[i], widths[j]),
                    initializer="glorot_uniform",
                    regularizer=l2_regularizer(self.l2),
                )
        self.dense = keras.layers.Dense(
            self.units, kernel_regularizer=l2_regularizer(self.l2), name="dense"
        )
        super().build(input_shape)

    def _matrix(self, i: int, j: int) -> str:
        return {"all": "kernel", "each": f"kernel_{i}"}.get(self.matrices, f"kernel_{i}_{j}")

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        products = []
        for i, j in itertools.combinations(range(len(inputs)), 2):
            product = tf.matmul(inputs[i], self._kernels[self._matrix(i, j)]) * inputs[j]
            if self.use_plus:
                product = tf.reduce_sum(product, axis=-1, keepdims=True)
            products.append(product)
        return self.dense(tf.concat(products, axis=-1))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("units", "matrices", "use_plus", "l2")
        return {**config, **{name: getattr(self, name) for name in names}}
