"""Columns of raw data as Arrow arrays: empty cells are null, texts keep their bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmtl.protos import dataset_pb2

_Types = dataset_pb2.DatasetConfig
_KINDS = {
    _Types.INT32: pa.int32(),
    _Types.INT64: pa.int64(),
    _Types.STRING: pa.string(),
    _Types.FLOAT: pa.float32(),
    _Types.DOUBLE: pa.float64(),
    _Types.BOOL: pa.bool_(),
}


def column_type(field: dataset_pb2.DatasetConfig.Field) -> pa.DataType:
    """The type of the array that holds a column."""
    return _KINDS[field.input_type]


def column_array(values: np.ndarray, is_empty: np.ndarray, kind: pa.DataType) -> pa.Array:
    """A column, `(rows,)`, as an array.

    Args:
        values: The values; texts as bytes.
        is_empty: Which cells are empty.
        kind: A type that `column_type` gives.
    """
    if not pa.types.is_string(kind):
        return pa.array(values, kind, mask=is_empty)
    # Bytes that are no UTF-8 stay as they are, for the readers of text files keep them, too.
    return pc.cast(pa.array(values, pa.binary(), mask=is_empty), kind, safe=False)
