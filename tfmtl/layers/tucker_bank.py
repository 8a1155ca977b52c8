"""A bank of networks whose kernels are one low-rank tensor, a Tucker product.

    W_k = U₁·(Σ_c U₃[k,c]·S[:,:,c])·U₂ᵀ

for network k = 1…N; S (r₁, r₂, r₃) is the core, U₁ (inputs, r₁), U₂ (units, r₂) and U₃ (N, r₃) the
factors. W_k is never formed: x·U₁ is shared, and the rest goes through the small core.

Yang & Hospedales 2017, "Deep Multi-task Representation Learning: A Tensor Factorisation Approach"
(ICLR, arXiv:1605.06391).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.expert_bank import ExpertBank
from tfmtl.layers.perceptron import Perceptron, l2_regularizer


@keras.utils.register_keras_serializable("tfmtl")
class TuckerDense(keras.layers.Layer):
    """N dense layers of a factorized kernel, from (batch, inputs) or (networks, batch, inputs).

    Gives (networks, batch, units). At the start the product has the variance of a Glorot kernel.

    Args:
        num_networks: N.
        units: Width of every network's layer.
        ranks: r₁, r₂, r₃, each at least 1.
        use_bias: Whether each network has a bias of its own.
        l2: The penalty l2·Σw²/2 on the core and the factors.
    """

    def __init__(
        self,
        num_networks: int,
        units: int,
        ranks: Sequence[int],
        use_bias: bool = True,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(ranks) < 1:
            raise ValueError(f"`ranks` should be at least 1 each. Received: {list(ranks)}.")
        self.num_networks = num_networks
        self.units = units
        self.ranks = list(ranks)
        self.use_bias = use_bias
        self.l2 = l2

    def build(self, input_shape: Any) -> None:
        inputs = int(input_shape[-1])
        r1, r2, r3 = self.ranks
        self.input_factor = self._weight("input_factor", (inputs, r1), 1.0 / r1)
        self.output_factor = self._weight("output_factor", (self.units, r2), 1.0 / r2)
        self.task_factor = self._weight("task_factor", (self.num_networks, r3), 1.0 / r3)
        self.core = self._weight("core", (r1, r2, r3), 2.0 / (inputs + self.units))
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.num_networks, 1, self.units), initializer="zeros"
            )
        super().build(input_shape)

    def _weight(self, name: str, shape: tuple[int, ...], variance: float) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=variance**0.5),
            regularizer=l2_regularizer(self.l2),
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        cores = tf.einsum("kc,abc->kab", self.task_factor, self.core)
        outputs = tf.matmul(tf.matmul(inputs, self.input_factor), cores)
        outputs = tf.matmul(outputs, self.output_factor, transpose_b=True)
        return outputs + self.bias if self.use_bias else outputs

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        return tf.TensorShape([self.num_networks, list(input_shape)[-2], self.units])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("num_networks", "units", "ranks", "use_bias", "l2")
        return {**config, **{name: getattr(self, name) for name in names}}


@keras.utils.register_keras_serializable("tfmtl")
class TuckerBank(ExpertBank):
    """An `ExpertBank` whose layers are `TuckerDense`, each with factors and a core of its own.

    Args:
        num_experts: N.
        hidden_units: Width of each layer of every network.
        ranks: r₁, r₂, r₃ of every layer.
        **kwargs: As for `ExpertBank`.
    """

    def __init__(
        self, num_experts: int, hidden_units: Sequence[int], ranks: Sequence[int], **kwargs: Any
    ) -> None:
        self.ranks = list(ranks)
        super().__init__(num_experts, hidden_units, **kwargs)

    def dense(self, units: int, name: str) -> keras.layers.Layer:
        return TuckerDense(
            self.num_experts, units, self.ranks, use_bias=not self.use_bn, l2=self.l2, name=name
        )

    def call(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        return tf.unstack(self._run(self._steps, inputs), num=self.num_experts)

    def _run(self, steps: Sequence[Any], inputs: tf.Tensor) -> tf.Tensor:
        """All networks at once, for they share most of the work."""
        return Perceptron._run(self, steps, inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ranks": self.ranks}
