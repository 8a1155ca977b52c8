"""Requests to try an export with: rows of the data, and rows that are unlike any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

Request = dict[str, np.ndarray]  # Columns of equal length; text as objects of type bytes.

_NOTHING = {tf.string: b"", tf.bool: False}
_MISSING = {**_NOTHING, tf.float32: np.nan, tf.float64: np.nan}
_UNKNOWN = {tf.string: b"no such \xe2\x80\x9cid\xe2\x80\x9d", tf.bool: True}


def edge_rows(inputs: Mapping[str, tf.TensorSpec]) -> list[Request]:
    """Requests of one row each: all empty or 0; unknown ids and negative numbers; and NaN."""
    return [
        {name: _cell(spec, cells.get(spec.dtype, number)) for name, spec in inputs.items()}
        for cells, number in ((_NOTHING, 0), (_UNKNOWN, -1), (_MISSING, 0))
    ]


def sample_request(inputs: Mapping[str, tf.TensorSpec], rows: Mapping[str, np.ndarray]) -> Request:
    """The rows in the inputs' types; an input that the model does not read may be absent."""
    length = len(next(iter(rows.values())))
    absent = edge_rows(inputs)[0]
    return {
        name: _typed(spec, np.asarray(rows.get(name, np.repeat(absent[name], length))))
        for name, spec in inputs.items()
    }


def joined(requests: Sequence[Request]) -> Request:
    """One request with the rows of all."""
    return {name: np.concatenate([request[name] for request in requests]) for name in requests[0]}


def as_examples(rows: Request, names: Sequence[str]) -> np.ndarray:
    """Rows as serialized `tf.train.Example`s of some columns, objects of type bytes."""
    columns = {name: _lists(rows[name]) for name in names}
    length = len(next(iter(rows.values())))
    examples = np.empty(length, dtype=object)
    for row in range(length):
        features = tf.train.Features(feature={name: each[row] for name, each in columns.items()})
        examples[row] = tf.train.Example(features=features).SerializeToString()
    return examples


def as_rankings(inputs: Mapping[str, tf.TensorSpec], rows: Request) -> Request:
    """Every row as a user, whose candidates are those of three rows, its own first.

    Args:
        inputs: What is asked for: `(None,)` of users, `(None, None)` of candidates.
        rows: Columns and weights by name.
    """
    return {
        name: rows[name] if spec.shape.rank == 1 else _rolled(rows[name])
        for name, spec in inputs.items()
        if name in rows
    }


def tensors(request: Request) -> dict[str, tf.Tensor]:
    """The request as tensors."""
    return {name: tf.constant(column) for name, column in request.items()}


def _cell(spec: tf.TensorSpec, value: object) -> np.ndarray:
    return _typed(spec, np.array([value], dtype=object))


def _typed(spec: tf.TensorSpec, column: np.ndarray) -> np.ndarray:
    return column.astype(spec.dtype.as_numpy_dtype)


def _lists(column: np.ndarray) -> list[tf.train.Feature]:
    """A column's values as an Example holds them."""
    if column.dtype == object:
        return [tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for value in column]
    if np.issubdtype(column.dtype, np.floating):
        return [tf.train.Feature(float_list=tf.train.FloatList(value=[value])) for value in column]
    return [tf.train.Feature(int64_list=tf.train.Int64List(value=[int(v)])) for v in column]


def _rolled(column: np.ndarray, width: int = 3) -> np.ndarray:
    """The values of each row and of those after it, `(rows, width)`, in a ring."""
    return np.stack([np.roll(column, -place, axis=0) for place in range(width)], axis=1)
