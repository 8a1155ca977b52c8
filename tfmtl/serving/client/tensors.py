"""Columns of tables as the tensors that a signature takes, by the model's own metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmtl.config.wording import on_one_line
from tfmtl.data.columns import nearest
from tfmtl.data.frame_cells import as_bytes
from tfmtl.errors import ServingError


def rank_of(info: Any) -> int:
    """How many axes an input has."""
    return len(info.tensor_shape.dim)


def check_names(wanted: Iterable[str], given: Iterable[str], where: str) -> None:
    """Raises if something that is wanted is not given.

    Raises:
        ServingError: With all that is missing, and what may have been meant.
    """
    there = list(given)
    missing = [name for name in wanted if name not in there]
    if missing:
        told = ", ".join(f"`{name}`{nearest(name, there)}" for name in missing)
        raise ServingError(f"{where} should have all that the model reads. Missing: {told}.")


def tensor_of(column: pd.Series, info: Any, name: str) -> np.ndarray:
    """A column as the tensor of an input that has a value, or a list of them, a row.

    Args:
        column: Its cells: of text, numbers or booleans; lists where the input has further axes. An
            empty cell is an empty text or NaN.
        info: What the model says of the input.
        name: What to call it in an error.

    Raises:
        ServingError: If the cells are of another type.
    """
    if rank_of(info) <= 1:
        return _typed(column, tf.as_dtype(info.dtype), name)
    cells = [np.asarray(cell) for cell in column]
    if len({cell.shape for cell in cells}) != 1 or cells[0].ndim != rank_of(info) - 1:
        raise ServingError(
            f"`{name}` should have lists of one length, of {rank_of(info) - 1} axes. "
            f"Received: the shapes {sorted({cell.shape for cell in cells})}."
        )
    stacked = np.stack(cells)
    flat = _typed(column_of(stacked.reshape(-1)), tf.as_dtype(info.dtype), name)
    return flat.reshape(stacked.shape)


def column_of(cells: Sequence[Any] | np.ndarray) -> pd.Series:
    """Cells as a column; texts stay as they are, because pandas' own type refuses some."""
    is_text = len(cells) and isinstance(cells[0], str)
    return pd.Series(cells, dtype=object if is_text else None)


def cells_of(values: np.ndarray) -> Any:
    """A column of answers: a number a row, or an array; text as text."""
    if values.dtype == object:
        values = np.vectorize(_decoded, otypes=[object])(values) if values.size else values
    return values if values.ndim == 1 else list(values)


def _decoded(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _typed(column: pd.Series, dtype: tf.DType, name: str) -> np.ndarray:
    if dtype == tf.string:
        return _texts(column, name)
    if dtype.is_floating:
        return _floats(column, dtype, name)
    if dtype == tf.bool:
        return _exact(column, dtype, name, pd.api.types.is_bool_dtype, "booleans")
    values = _exact(column, dtype, name, _is_whole, "whole numbers")
    wide = column.to_numpy()
    if len(wide) and (wide.min() < dtype.min or wide.max() > dtype.max):
        raise _mistake(name, f"numbers of {dtype.name}", f"{wide.min()} to {wide.max()}")
    return values


def _texts(column: pd.Series, name: str) -> np.ndarray:
    values = np.empty(len(column), object)
    for row, (cell, is_empty) in enumerate(zip(column, column.isna(), strict=True)):
        if is_empty:
            values[row] = b""
        elif isinstance(cell, str | bytes):
            values[row] = _encoded(cell, row, name)
        else:
            received = f"{on_one_line(repr(cell))} in row {row}"
            raise _mistake(name, "text", received, ".astype(str)")
    return values


def _encoded(cell: str | bytes, row: int, name: str) -> bytes:
    encoded = as_bytes(cell)
    if encoded is None:
        received = f"{on_one_line(repr(cell))} in row {row}, with half of a surrogate pair"
        remedy = ".str.encode('utf-8', 'replace')"
        raise _mistake(name, "text that UTF-8 can write", received, remedy)
    return encoded


def _floats(column: pd.Series, dtype: tf.DType, name: str) -> np.ndarray:
    if column.isna().all():
        return np.full(len(column), np.nan, dtype.as_numpy_dtype)
    if not pd.api.types.is_numeric_dtype(column):
        raise _mistake(name, "numbers", _example(column), ".astype(float)")
    return column.to_numpy(dtype.as_numpy_dtype, na_value=np.nan)


def _is_whole(column: pd.Series) -> bool:
    return bool(pd.api.types.is_integer_dtype(column) or pd.api.types.is_bool_dtype(column))


def _exact(
    column: pd.Series,
    dtype: tf.DType,
    name: str,
    is_right: Callable[[pd.Series], bool],
    kind: str,
) -> np.ndarray:
    as_type = "" if is_right(column) else f".astype({dtype.name!r})"
    # Of numbers and empty cells pandas makes floats: it is the empty cell that is wrong.
    filled = column.dropna()
    if len(filled) < len(column) and (filled.empty or is_right(filled.convert_dtypes())):
        row = int(np.flatnonzero(column.isna())[0])
        received = f"an empty cell in row {row}"
        raise _mistake(name, f"{kind} in all rows", received, f".fillna(…){as_type}")
    if as_type and len(column):
        raise _mistake(name, kind, _example(column), as_type)
    return column.to_numpy(dtype.as_numpy_dtype)


def _example(column: pd.Series) -> str:
    row = int(np.flatnonzero(column.notna())[0]) if column.notna().any() else 0
    cell = column.iloc[row]
    shown = cell.item() if isinstance(cell, np.generic) else cell
    return f"{on_one_line(repr(shown))} in row {row}, {column.dtype}"


def _mistake(name: str, expected: str, received: str, remedy: str = "") -> ServingError:
    would_do = f" `{remedy}` of the column would do." if remedy else ""
    return ServingError(f"`{name}` should be {expected}. Received: {received}.{would_do}")
