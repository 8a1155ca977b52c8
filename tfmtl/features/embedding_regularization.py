"""A penalty on the embeddings that a batch looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class EmbeddingRegularization(keras.layers.Layer):
    """Passes embeddings on and adds weight · Σ e² / 2 to the loss while training.

    The sum runs over every number of every embedding of the batch, as in EasyRec: it grows with
    the batch, and an embedding that is looked up twice counts twice.

    Args:
        weight: Weight of the penalty.
    """

    def __init__(self, weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(
        self, inputs: Mapping[str, tf.Tensor], training: bool | None = None
    ) -> dict[str, tf.Tensor]:
        if training:
            penalty = tf.add_n([tf.nn.l2_loss(_values(each)) for each in inputs.values()])
            self.add_loss(self.weight * penalty)
        return dict(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}


def _values(embedding: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return embedding.flat_values if isinstance(embedding, tf.RaggedTensor) else embedding
