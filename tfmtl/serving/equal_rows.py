"""As many rows in every column of a request: otherwise one row of a column would do for all.

A server that batches sees to that; one that does not leaves it to the graph, where a single value
meets many without a word. (A `tf.reshape` would not do: the optimizer takes away those from one
axis to one.)
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def of_equal_shape(
    columns: Mapping[str, tf.Tensor], shape: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """The columns, of which none has another shape than the others.

    Args:
        columns: By name; all with as many axes.
        shape: What each should have; by default that of the first column.

    Returns:
        They by name. When run, another shape is an InvalidArgumentError that tells all of them.
    """
    found = tf.stack([tf.shape(each) for each in columns.values()])
    wanted = found[0] if shape is None else shape
    told = [
        f"As many rows should come in all of the columns {', '.join(columns)}; wanted and received:"
    ]
    check = tf.raw_ops.Assert(
        condition=tf.reduce_all(found == wanted), data=[told, wanted, found], summarize=-1
    )
    with tf.control_dependencies([check]):
        return {name: tf.identity(each) for name, each in columns.items()}
