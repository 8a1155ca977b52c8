"""Cross-stitch units: parallel networks that mix their layers.

    x̃_i = Σ_j α_ij · x_j

Misra et al. 2016, "Cross-stitch Networks for Multi-task Learning" (CVPR, arXiv:1604.03539), eq. 1.
With sub-spaces i and j run over the parts of all networks' layers, as in sluice networks: Ruder et
al. 2017, "Latent Multi-task Architecture Learning" (arXiv:1705.08142).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class CrossStitch(keras.layers.Layer):
    """Mixes the layers of networks, a list of (batch, units), to as many of the same shape.

    Args:
        self_weight: Where the α of a part on itself starts; what is missing to one is spread evenly
            over the other parts.
        num_subspaces: How many parts of equal width a network's layer has; divides `units`.
        per_channel: Whether each unit of a part has α of its own.
    """

    def __init__(
        self,
        self_weight: float = 0.9,
        num_subspaces: int = 1,
        per_channel: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.self_weight = self_weight
        self.num_subspaces = num_subspaces
        self.per_channel = per_channel

    def build(self, input_shape: Any) -> None:
        networks, units = len(input_shape), input_shape[0][-1]
        if units % self.num_subspaces:
            raise ValueError(
                f"`num_subspaces` should divide the {units} units of a layer."
                f" Received: {self.num_subspaces}."
            )
        self._networks, self._channels = networks, units // self.num_subspaces
        parts = networks * self.num_subspaces
        self.alpha = self.add_weight(
            name="alpha",
            shape=(parts, parts, self._channels if self.per_channel else 1),
            initializer=self._start,
        )
        super().build(input_shape)

    def _start(self, shape: Any, dtype: Any = None, **_: Any) -> tf.Tensor:
        parts = shape[0]
        other = (1.0 - self.self_weight) / max(parts - 1, 1)
        alpha = other + (self.self_weight - other) * tf.eye(parts, dtype=dtype)
        return tf.broadcast_to(alpha[:, :, tf.newaxis], shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        parts = self._split(tf.stack(inputs))
        if self.per_channel:
            mixed = tf.einsum("ijc,jbc->ibc", self.alpha, parts)
        else:
            mixed = tf.einsum("ij,jbc->ibc", self.alpha[:, :, 0], parts)
        return tf.unstack(self._join(mixed), num=self._networks)

    def _split(self, x: tf.Tensor) -> tf.Tensor:
        """(networks, batch, units) as (networks·subspaces, batch, channels)."""
        if self.num_subspaces == 1:
            return x
        by_row = tf.reshape(x, [self._networks, -1, self.num_subspaces, self._channels])
        parts = tf.transpose(by_row, [0, 2, 1, 3])
        return tf.reshape(parts, [self._networks * self.num_subspaces, -1, self._channels])

    def _join(self, parts: tf.Tensor) -> tf.Tensor:
        if self.num_subspaces == 1:
            return parts
        x = tf.reshape(parts, [self._networks, self.num_subspaces, -1, self._channels])
        units = self.num_subspaces * self._channels
        return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [self._networks, -1, units])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        names = ("self_weight", "num_subspaces", "per_channel")
        return {**config, **{name: getattr(self, name) for name in names}}
