"""The second-order factorization machine over features: how well each pair of them goes together.

    y = Σ_{f<g} ⟨e_f, e_g⟩ = Σ_d ½·[(Σ_f e_fd)² − Σ_f e_fd²]

Rendle 2010, "Factorization Machines" (ICDM, https://doi.org/10.1109/ICDM.2010.127), lemma 3.1. The
right side takes n·d products for n features, where the pairs would take n²·d / 2.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class FactorizationMachine(keras.layers.Layer):
    """Maps the vectors of features, side by side as (batch, features · d), to (batch, 1).

    Args:
        num_features: How many features there are, all of the same width d.
        use_variant: Whether to keep one value for each of the d dimensions, (batch, d), instead of
            summing them to one.
    """

    def __init__(self, num_features: int, use_variant: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_features = num_features
        self.use_variant = use_variant

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] % self.num_features:
            raise ValueError(
                f"The input's width should be a multiple of `num_features`, {self.num_features}. "
                f"Received: {input_shape[-1]}."
            )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        e = tf.reshape(inputs, [-1, self.num_features, inputs.shape[-1] // self.num_features])
        pairs = tf.square(tf.reduce_sum(e, axis=1)) - tf.reduce_sum(tf.square(e), axis=1)
        return 0.5 * (pairs if self.use_variant else tf.reduce_sum(pairs, axis=1, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("num_features", "use_variant")
        return {**config, **{name: getattr(self, name) for name in names}}
