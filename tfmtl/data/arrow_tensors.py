"""Encoded features as Arrow arrays, and as tensors again.

An int64 `(rows,)` is an array of int32, or of int64 where that is too small; a float32 `(rows, 1)`
an array of float32, a `(rows, size)` one of lists of that size; and a ragged tensor an array of
lists of any of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import tensorflow as tf

Value: TypeAlias = "tf.Tensor | tf.RaggedTensor"
Part: TypeAlias = "Single | Bags"

_LARGEST = 2**31


def arrow_type(spec: tf.TypeSpec, ids: int | None = None) -> pa.DataType:
    """The type of the array that holds such a tensor.

    Args:
        spec: The tensor.
        ids: How many ids there are, all below this; None for any numbers.
    """
    kind = pa.from_numpy_dtype(spec.dtype.as_numpy_dtype)
    if spec.dtype == tf.int64 and ids is not None and ids <= _LARGEST:
        kind = pa.int32()
    if _size(spec) > 1:
        kind = pa.list_(kind, _size(spec))
    for _ in range(_depth(spec)):
        # That no item is null need not be looked for.
        kind = pa.list_(pa.field("element", kind, nullable=False))
    return kind


def to_arrow(value: Value, kind: pa.DataType) -> pa.Array:
    """A tensor as an array of the type that `arrow_type` gives for it."""
    splits = value.nested_row_splits if isinstance(value, tf.RaggedTensor) else ()
    flat = value.flat_values if isinstance(value, tf.RaggedTensor) else value
    inner = kind
    for _ in splits:
        inner = inner.value_type
    array = _flat_array(flat.numpy(), inner)
    kinds = [kind]
    for _ in splits[1:]:
        kinds.append(kinds[-1].value_type)
    for each, its in zip(reversed(splits), reversed(kinds), strict=False):
        array = pa.ListArray.from_arrays(pa.array(each.numpy(), pa.int32()), array, type=its)
    return array


def parts_of(array: pa.Array) -> list[Part]:
    """What `from_parts` needs of an array, of which rows can be taken: lengths, then values."""
    parts: list[Part] = []
    # Where the values of each row begin; None as long as each has one.
    bounds: np.ndarray | None = None
    while pa.types.is_list(array.type):
        offsets = array.offsets.to_numpy()
        parts.append(_part(np.diff(offsets), bounds))
        array = array.values.slice(offsets[0], offsets[-1] - offsets[0])
        starts = offsets.astype(np.int64) - offsets[0]
        bounds = starts if bounds is None else starts[bounds]
    size = array.type.list_size if pa.types.is_fixed_size_list(array.type) else 1
    values = (array.flatten() if size > 1 else array).to_numpy()
    if bounds is not None:
        return [*parts, Bags(values, bounds * size)]
    return [*parts, Single(values.reshape(-1, size) if size > 1 else values)]


def types_of_parts(kind: pa.DataType) -> list[tf.DType]:
    """The types of the parts of an array."""
    lengths = []
    while pa.types.is_list(kind):
        lengths.append(tf.int32)
        kind = kind.value_type
    if pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return [*lengths, tf.as_dtype(kind.to_pandas_dtype())]


def from_parts(parts: Sequence[tf.Tensor], spec: tf.TypeSpec) -> Value:
    """The tensor that an array's parts were made of."""
    *lengths, values = parts
    inner = spec.shape[_depth(spec) + 1 :].as_list()
    flat = tf.reshape(tf.cast(values, spec.dtype), [-1, *inner])
    if not lengths:
        return flat
    rows = [tf.cast(tf.ensure_shape(each, [None]), tf.int64) for each in lengths]
    return tf.RaggedTensor.from_nested_row_lengths(flat, rows, validate=False)


class Single:
    """A value, or some of one number, for each row.

    Args:
        values: They, `(rows,)` or `(rows, size)`.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The values of some rows."""
        return self.values.take(rows, axis=0)


class Bags:
    """Any number of values for each row.

    A row's values are taken as if they were a text, which Arrow copies as a whole: it takes lists
    value by value, and needs five times as long.

    Args:
        values: Those of all rows.
        bounds: Where each row's begin, and where the last ends, `(rows + 1,)` int64.
    """

    def __init__(self, values: np.ndarray, bounds: np.ndarray) -> None:
        self._dtype = values.dtype
        buffers = [None, *map(pa.py_buffer, (bounds * values.itemsize, values))]
        self._texts = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The values of some rows, flat."""
        _, bounds, taken = self._texts.take(pa.array(rows)).buffers()
        size = int(np.frombuffer(bounds, np.int64)[len(rows)])
        if not size:
            return np.empty(0, self._dtype)
        return np.frombuffer(taken, self._dtype, size // self._dtype.itemsize)


def _part(values: np.ndarray, bounds: np.ndarray | None) -> Part:
    return Single(values) if bounds is None else Bags(values, bounds)


def _flat_array(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values.reshape(-1), kind)
    leaves = pa.array(values.reshape(-1), kind.value_type)
    return pa.FixedSizeListArray.from_arrays(leaves, kind.list_size)


def _depth(spec: tf.TypeSpec) -> int:
    return spec.ragged_rank if isinstance(spec, tf.RaggedTensorSpec) else 0


def _size(spec: tf.TypeSpec) -> int:
    """How many numbers stand together."""
    return math.prod(spec.shape[_depth(spec) + 1 :].as_list())
