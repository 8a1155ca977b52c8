"""Sequences, ragged `(batch, None, width)`, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.segments import rows_of


@keras.utils.register_keras_serializable("tfmtl")
class StepDense(keras.layers.Layer):
    """A dense layer over each step: `(batch, None, inputs)` to `(batch, None, units)`.

    Args:
        units: Width of the result.
        use_bias: Whether it has a bias.
        initializer: Of the kernel.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = False,
        initializer: keras.initializers.Initializer | str = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(
            units, use_bias=use_bias, kernel_initializer=initializer, name="dense"
        )

    def call(self, inputs: tf.RaggedTensor) -> tf.RaggedTensor:
        return inputs.with_flat_values(self.dense(inputs.flat_values))

    def get_config(self) -> dict[str, Any]:
        dense = self.dense.get_config()
        return {
            **super().get_config(),
            "units": dense["units"],
            "use_bias": dense["use_bias"],
            "initializer": dense["kernel_initializer"],
        }


@keras.utils.register_keras_serializable("tfmtl")
class JoinSteps(keras.layers.Layer):
    """Sequences side by side, step by step: `(batch, None, Σ width)`.

    The first says how many steps a row has. Where another has fewer, they are filled up with zeros;
    where it has more, they are left out.
    """

    def call(self, inputs: Sequence[tf.RaggedTensor]) -> tf.RaggedTensor:
        first, *others = inputs
        parts = [first.flat_values, *(align(each, first) for each in others)]
        return first.with_flat_values(tf.concat(parts, axis=-1))


@keras.utils.register_keras_serializable("tfmtl")
class PadUnits(keras.layers.Layer):
    """Fills up `(batch, inputs)` with zeros to `(batch, units)`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.pad(inputs, [[0, 0], [0, self.units - inputs.shape[-1]]])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def filled_up(steps: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Steps filled up with zeros to the longest row, for layers that cannot do without.

    Args:
        steps: Ragged `(batch, None, width)`.

    Returns:
        The steps `(batch, longest, width)`, at least one in each row, because loops and maxima need
        one; and which of them are steps of the row, bool `(batch, longest)`.
    """
    values = steps.to_tensor(0.0)
    lacking = tf.cast(tf.equal(tf.shape(values)[1], 0), tf.int32)
    values = tf.pad(values, [[0, 0], [0, lacking], [0, 0]])
    values.set_shape([None, None, steps.shape[-1]])
    return values, tf.sequence_mask(steps.row_lengths(), tf.shape(values)[1])


def align(values: tf.RaggedTensor, to: tf.RaggedTensor, fill: float = 0.0) -> tf.Tensor:
    """One of `values` for each item of `to`, flat. Short rows are filled up, long ones cut.

    Args:
        values: Numbers, ragged `(batch, None)`, or vectors, ragged `(batch, None, width)`.
        to: What says how many a row has, ragged `(batch, None, ...)`.
        fill: The number that stands, at each place of a vector, where a row of `values` has ended.
    """
    rows = rows_of(to)
    place = tf.range(tf.size(rows, tf.int64)) - tf.gather(to.row_starts(), rows)
    given = place < tf.gather(values.row_lengths(), rows)
    source = tf.where(given, tf.gather(values.row_starts(), rows) + place, 0)
    flat = values.flat_values
    # So that place 0 is there, even in a batch without any.
    padded = tf.concat([flat, tf.fill([1, *flat.shape[1:]], tf.cast(fill, flat.dtype))], axis=0)
    is_given = tf.reshape(given, [-1, *[1] * (flat.shape.rank - 1)])
    return tf.where(is_given, tf.gather(padded, source), tf.cast(fill, flat.dtype))
