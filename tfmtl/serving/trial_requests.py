"""Requests to try an export with: rows of the data, and rows that are unlike any.

Rows are tables of raw columns. Every signature's request is made of the same rows: a column as it
is where the signature takes `(batch, …)`; folded into lists of candidates where it takes
`(batch, candidates, …)`; and all columns of a row as one serialized tf.Example, or as one text of
cells, where the signature takes only those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfmtl.serving.joined_inputs import FEATURES, JOINED, JoinedCells

Request = dict[str, np.ndarray]  # Tensors of equal length; text as objects of type bytes.
Specs = Mapping[str, tf.TensorSpec]

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_NOTHING = {tf.string: b"", tf.bool: False}
_MISSING = {**_NOTHING, tf.float32: np.nan, tf.float64: np.nan}
_UNKNOWN = {tf.string: b"no such \xe2\x80\x9cid\xe2\x80\x9d", tf.bool: True}
_LARGE = 1e30  # Far from any data, and not so near to infinity that sums overflow.
_VALUES = 2  # Of a list that may be of any length, in rows that are made up.
_EXAMPLES = ("examples", "inputs")  # What inputs of serialized tf.Examples are called.


def row_columns(signatures: Mapping[str, Specs]) -> dict[str, tf.TensorSpec]:
    """The columns of the rows that the requests of all signatures are made of.

    Args:
        signatures: What each signature takes.
    """
    columns = dict(signatures[_DEFAULT])
    for name, inputs in signatures.items():
        if not (takes_examples(name, inputs) or takes_texts(name, inputs)):
            columns = {**_of_rank_1(inputs), **columns}
    return columns


def takes_examples(signature: str, inputs: Specs) -> bool:
    """Whether a signature's one input is serialized tf.Examples."""
    (name, spec), *others = inputs.items()
    is_named_so = name in _EXAMPLES and signature != _DEFAULT
    return is_named_so and not others and spec.dtype == tf.string and spec.shape.rank == 1


def takes_texts(signature: str, inputs: Specs) -> bool:
    """Whether a signature's one input is rows as one text each."""
    return signature == JOINED and inputs.keys() == {FEATURES}


def edge_rows(columns: Specs) -> list[Request]:
    """Rows, each by itself: all empty or 0; unknown ids and negative numbers; and NaN."""
    return [
        {name: _cell(spec, cells.get(spec.dtype, number)) for name, spec in columns.items()}
        for cells, number in ((_NOTHING, 0), (_UNKNOWN, -1), (_MISSING, 0))
    ]


def extreme_rows(columns: Specs) -> list[Request]:
    """Rows, each by itself, of the largest and of the smallest numbers."""
    return [
        {name: _cell(spec, _extreme(spec.dtype, sign)) for name, spec in columns.items()}
        for sign in (1, -1)
    ]


def sample_request(columns: Specs, rows: Mapping[str, np.ndarray]) -> Request:
    """The rows in the columns' types; a column that the model does not read may be absent."""
    length = len(next(iter(rows.values())))
    absent = edge_rows(columns)[0]
    return {
        name: _typed(spec, np.asarray(rows.get(name, np.repeat(absent[name], length, axis=0))))
        for name, spec in columns.items()
    }


def joined(rows: Sequence[Request]) -> Request:
    """The rows of all in one table."""
    return {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}


def taken(rows: Request, indices: Sequence[int] | np.ndarray | slice) -> Request:
    """Some of the rows."""
    return {name: column[indices] for name, column in rows.items()}


def request_of(
    signature: str,
    inputs: Specs,
    rows: Request,
    candidates: int,
    joined: JoinedCells | None = None,
) -> Request:
    """What to ask a signature about rows.

    Args:
        signature: Its name.
        inputs: What it takes.
        rows: The rows.
        candidates: How many rows make one list, where the signature takes lists; its user is that
            of the first.
        joined: How a row is one text, where the signature takes those.
    """
    if takes_examples(signature, inputs):
        (name,) = inputs
        return {name: np.array(list(_examples(rows)), dtype=object)}
    if joined and takes_texts(signature, inputs):
        return {FEATURES: joined.join(rows)}
    lists = [name for name, spec in inputs.items() if _is_list(spec, rows.get(name))]
    if not lists:
        return {name: _column(spec, rows.get(name), _length(rows)) for name, spec in inputs.items()}
    return _folded(inputs, rows, lists, candidates)


def tensors(request: Request) -> dict[str, tf.Tensor]:
    """The request as tensors."""
    return {name: tf.constant(column) for name, column in request.items()}


def _of_rank_1(inputs: Specs) -> dict[str, tf.TensorSpec]:
    return {name: spec for name, spec in inputs.items() if spec.shape.rank == 1}


def _length(rows: Request) -> int:
    return len(next(iter(rows.values())))


def _is_list(spec: tf.TensorSpec, column: np.ndarray | None) -> bool:
    """Whether an input has one axis more than its column."""
    return spec.shape.rank > (1 if column is None else column.ndim)


def _folded(inputs: Specs, rows: Request, lists: Sequence[str], candidates: int) -> Request:
    """Lists of `candidates` rows, the last one filled up with the first rows."""
    count = -(-_length(rows) // candidates)
    order = np.arange(count * candidates).reshape(count, candidates) % _length(rows)
    return {
        name: _column(spec, rows.get(name), _length(rows))[order if name in lists else order[:, 0]]
        for name, spec in inputs.items()
    }


def _column(spec: tf.TensorSpec, column: np.ndarray | None, length: int) -> np.ndarray:
    """A column in the input's type; nothing, in every row, of an input that is no column."""
    if column is not None:
        return _typed(spec, column)
    nothing = _NOTHING.get(spec.dtype, 0)
    return _typed(spec, np.full(length, nothing, dtype=object))


def _examples(rows: Request) -> Iterator[bytes]:
    for row in range(_length(rows)):
        features = {name: _feature(column[row]) for name, column in rows.items()}
        example = tf.train.Example(features=tf.train.Features(feature=features))
        yield example.SerializeToString(deterministic=True)


def _feature(cell: object) -> tf.train.Feature:
    values = np.atleast_1d(np.asarray(cell)).ravel()
    if values.dtype.kind in "OS":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values.tolist()))
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values.tolist()))
    integers = values.astype(np.int64).tolist()
    return tf.train.Feature(int64_list=tf.train.Int64List(value=integers))


def _cell(spec: tf.TensorSpec, value: object) -> np.ndarray:
    """One row: the value itself, or as often as the spec's further axes ask for."""
    shape = [1, *(axis or _VALUES for axis in spec.shape.as_list()[1:])]
    return _typed(spec, np.full(shape, value, dtype=object))


def _extreme(dtype: tf.DType, sign: int) -> object:
    if dtype.is_integer:
        return dtype.max if sign > 0 else dtype.min
    if dtype.is_floating:
        return sign * _LARGE
    return {**_UNKNOWN, tf.string: b"9" * 400}.get(dtype, 0)


def _typed(spec: tf.TensorSpec, column: np.ndarray) -> np.ndarray:
    return column.astype(spec.dtype.as_numpy_dtype)
