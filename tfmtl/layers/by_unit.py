"""Layers with weights for each unit, of one network or of each network of a bank.

Such a layer maps (batch, units), with weights (1, units). For a bank it has weights (networks, 1,
units) and maps a list of (batch, units), one for each network, or the same stacked as (networks,
batch, units).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import tensorflow as tf
import tf_keras as keras

Inputs: TypeAlias = tf.Tensor | Sequence[tf.Tensor]
Result = TypeVar("Result")


class ByUnit(keras.layers.Layer):
    """The base of such layers."""

    @staticmethod
    def weights_shape(input_shape: Any) -> list[int]:
        """The shape of a weight for each unit, by the shape of the inputs."""
        if isinstance(input_shape, list):
            return [len(input_shape), 1, input_shape[0][-1]]
        return [*list(input_shape)[:-2], 1, input_shape[-1]]


def by_network(
    function: Callable[..., Result], inputs: Inputs, *weights: tf.Tensor
) -> Result | list[Result]:
    """`function(inputs, *weights)`; for a list of inputs, one result for each network."""
    if not isinstance(inputs, list):
        return function(inputs, *weights)
    slices = [tf.unstack(weight) for weight in weights]
    return [function(*network) for network in zip(inputs, *slices, strict=True)]
