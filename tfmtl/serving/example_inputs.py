"""Rows as serialized `tf.train.Example`s: a feature with one value for each column.

A column that an Example lacks has what an empty cell of the data means.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.features.column import Column

INPUT = "inputs"  # So Classify and Regress requests call it.

EXAMPLE_SPECS = {INPUT: tf.TensorSpec([None], tf.string, INPUT)}


def parse_examples(serialized: tf.Tensor, columns: Sequence[Column]) -> dict[str, tf.Tensor]:
    """Raw columns, `(batch,)` each, of serialized Examples `(batch,)`.

    Whole numbers and truth values are read from `int64_list`, floats from `float_list`.
    """
    stored = {column.name: _stored_as(column) for column in columns}
    wanted = {
        column.name: tf.io.FixedLenFeature([], stored[column.name], _empty_cell(column))
        for column in columns
    }
    parsed = tf.io.parse_example(serialized, wanted)
    return {column.name: tf.cast(parsed[column.name], column.dtype) for column in columns}


def _stored_as(column: Column) -> tf.DType:
    """An Example knows text, int64 and float32."""
    if column.is_text:
        return tf.string
    return tf.float32 if column.dtype.is_floating else tf.int64


def _empty_cell(column: Column) -> str | float | int:
    """Texts get their default from the features."""
    if column.is_text:
        return ""
    if column.dtype == tf.bool:
        return int(column.default.strip().lower() in ("true", "1"))
    return (float if column.dtype.is_floating else int)(column.default or 0)
