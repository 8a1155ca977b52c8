"""The cells of a DataFrame's column as values of a declared type.

A DataFrame reads as the CSV file that pandas writes of it: nulls and empty texts are empty cells,
texts of numbers are numbers, and a number in a text column is its text. Beyond that, whole floats
will do as integers, for pandas makes them of integers with nulls, and truth values as numbers.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.data.columns import Column
from tfmtl.data.kinds import Kind


@dataclasses.dataclass(frozen=True)
class Cells:
    """The cells of a column.

    Attributes:
        values: Their values, `(rows,)`; texts as bytes.
        bad: Whether each is no value of the column's type, `(rows,)`.
    """

    values: np.ndarray
    bad: np.ndarray


def read_cells(series: pd.Series, column: Column) -> Cells:
    """Turns a DataFrame's column into values of the declared type."""
    if column.kind.dtype == tf.string:
        return _read_texts(series)
    is_float = pd.api.types.is_float_dtype(series.dtype)
    if is_float or (_is_integer(series.dtype) and series.notna().all()):
        values, bad = _read_numbers(series, column.kind)
    else:
        values, bad = _parse_cells(series, column.kind)
    empty = np.nan if column.empty is None else column.empty
    filled = np.where(bad, 0, np.where(pd.isna(values), empty, values))
    with np.errstate(over="ignore"):  # What float32 cannot hold is infinite, as in a file.
        return Cells(filled.astype(column.dtype.as_numpy_dtype), bad)


def text_of(cell: Any) -> str:
    """The text that stands for a cell in a CSV file; whole floats and truth values as integers."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    if isinstance(cell, (bool, np.bool_)):
        return str(int(cell))
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def _is_integer(dtype: Any) -> bool:
    return pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)


def _cells(series: pd.Series) -> list[Any]:
    """The cells as they are, null ones as empty texts."""
    nulls = series.isna()
    return ["" if null else cell for cell, null in zip(series, nulls, strict=True)]


def _read_texts(series: pd.Series) -> Cells:
    if pd.api.types.infer_dtype(series, skipna=True) == "string":
        # Texts come again and again in most columns: each is encoded once.
        places, texts = pd.factorize(series)  # Nulls are at -1, the last place.
        encoded = _encoded([*texts, ""])
        return Cells(encoded.values[places], encoded.bad[places])
    return _encoded(_cells(series))


def _encoded(cells: list[Any]) -> Cells:
    encoded = [as_bytes(cell) if pd.api.types.is_scalar(cell) else None for cell in cells]
    values = [b"" if value is None else value for value in encoded]
    bad = [value is None for value in encoded]
    return Cells(np.array(values, dtype=object), np.array(bad, dtype=bool))


def as_bytes(cell: Any) -> bytes | None:
    """A cell's text as bytes; None if it cannot be written so, as half of a surrogate pair."""
    if isinstance(cell, bytes):
        return cell
    try:
        # A file that was read with `encoding_errors="surrogateescape"` gets its bytes back.
        return str(cell).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None


def _read_numbers(series: pd.Series, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """The values of a column of numbers, null ones as NaN, and which of them are bad."""
    if pd.api.types.is_float_dtype(series.dtype):
        values = series.to_numpy(dtype="float64", na_value=np.nan)
    elif pd.api.types.is_unsigned_integer_dtype(series.dtype):
        values = series.to_numpy(dtype="uint64")
    else:
        values = series.to_numpy(dtype="int64")
    return values, ~(kind.holds(values) | pd.isna(values))


def _parse_cells(series: pd.Series, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """The values of a column of anything, empty ones as None, and which of them are bad."""
    texts = [text_of(cell) for cell in _cells(series)]
    good = [text == "" or kind.takes(text) for text in texts]
    values = [
        kind.parse(text) if fits and text else None for text, fits in zip(texts, good, strict=True)
    ]
    return np.array(values, dtype=object), ~np.array(good, dtype=bool)
