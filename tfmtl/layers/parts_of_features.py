"""Features one by one: parts of vectors, vectors stacked, and such as are dropped as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfmtl")
class SplitUnits(keras.layers.Layer):
    """Maps (batch, Σ widths) to a list of (batch, width).

    Args:
        widths: The widths.
    """

    def __init__(self, widths: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widths = list(widths)

    def call(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(inputs, self.widths, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "widths": self.widths}


@keras.utils.register_keras_serializable("tfmtl")
class StackVectors(keras.layers.Layer):
    """Maps a list of (batch, width) to (batch, vectors, width)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.stack(inputs, axis=1)


@keras.utils.register_keras_serializable("tfmtl")
class TakePart(keras.layers.Layer):
    """A part of a tensor.

    Args:
        index: For each axis a place, or the bounds of a range, either of which may be `None`.
    """

    def __init__(self, index: Sequence[int | Sequence[int | None]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = [part if isinstance(part, int) else list(part) for part in index]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs[tuple(p if isinstance(p, int) else slice(*p) for p in self.index)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "index": self.index}


@keras.utils.register_keras_serializable("tfmtl")
class FeatureDropout(keras.__internal__.layers.BaseRandomLayer):
    """Drops whole features, a list of (batch, width), for a batch; the others grow to make up.

    Args:
        rate: The share of them.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        if not training:
            return list(inputs)
        kept = self._random_generator.random_uniform([len(inputs)]) >= self.rate
        factors = tf.unstack(tf.cast(kept, inputs[0].dtype) / (1.0 - self.rate))
        return [x * factor for x, factor in zip(inputs, factors, strict=True)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
