"""The cells of Parquet files: as values of columns, and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow as tf

from tfmtl.data import parquet_files
from tfmtl.data.columns import Column
from tfmtl.data.frame_cells import Cells
from tfmtl.data.frame_rows import FrameRows


def frame_rows(table: pa.Table, columns: Sequence[Column]) -> FrameRows:
    """The rows of a table.

    Args:
        table: It, of those columns and perhaps others.
        columns: The columns to read.
    """
    texts = {
        column.name: _read_texts(table[column.name])
        for column in columns
        if column.dtype == tf.string and _is_text(table[column.name].type)
    }
    others = table.select([column.name for column in columns if column.name not in texts])
    frame = others.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True)
    return FrameRows(frame, columns, texts)


# Integers with nulls would become floats, and lose digits.
_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)


def _read_texts(cells: pa.ChunkedArray) -> Cells:
    """A column of texts, of which each text becomes bytes of Python once; null ones are empty."""
    encoded = cells.cast(pa.large_binary()).combine_chunks().dictionary_encode()
    texts = np.array([*encoded.dictionary.to_pylist(), b""], dtype=object)
    places = encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    return Cells(texts[places], np.zeros(len(cells), dtype=bool))


def stored_kinds(path: str) -> dict[str, str]:
    """What the columns of a file hold: `whole`, `number`, `truth`, `text`, or Arrow's own word."""
    schema = parquet_files.read_head(path).schema
    return {field.name: _stored_kind(field.type) for field in schema}


def _stored_kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return "whole"
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "truth"
    return "text" if _is_text(kind) else str(kind)
