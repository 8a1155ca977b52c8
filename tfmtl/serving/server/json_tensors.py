"""Tensors in the JSON of Predict, as TensorFlow Serving's `json_tensor.cc` reads them.

rows      {"instances": [one value, or one object of all inputs, a row]}  ->  {"predictions": […]}
columns   {"inputs": one value, or an object of all inputs}               ->  {"outputs": …}
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.serving.server import json_text, statuses

_INSTANCES = "instances"
_INPUTS = "inputs"
_SIGNATURE = "signature_name"

Infos = Mapping[str, Any]  # tensorflow.TensorInfo by input.
Arrays = dict[str, np.ndarray]


class Format(enum.Enum):
    """How a request is written, and its answer."""

    ROWS = "predictions"
    COLUMNS = "outputs"


def signature_name(body: Any) -> str:
    """The signature that a body asks.

    Raises:
        Failure: If it is no object, or the name no text.
    """
    if not isinstance(body, dict):
        raise statuses.invalid(f"JSON Value: {json_text.written(body)} Is not object")
    name = body.get(_SIGNATURE, tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY)
    if not isinstance(name, str):
        raise statuses.invalid("'signature_name' key must be a string value.")
    return name


def tensors_of(body: dict[str, Any], infos: Infos) -> tuple[Format, Arrays]:
    """The tensors of a body.

    Args:
        body: The request.
        infos: What the signature takes.

    Returns:
        How the request is written, and tensors by input.

    Raises:
        Failure: If they are not what the signature takes.
    """
    if _INSTANCES in body and _INPUTS in body:
        raise statuses.invalid("Not expecting both 'inputs' and 'instances' keys in JSON object.")
    if _INSTANCES in body:
        return Format.ROWS, _of_rows(body[_INSTANCES], infos)
    if _INPUTS in body:
        return Format.COLUMNS, _of_columns(body[_INPUTS], infos)
    raise statuses.invalid("Missing 'inputs' or 'instances' key")


class _Tensor:
    """A tensor that is filled value by value.

    Args:
        info: What the signature says of it.
        first: The value that its shape is taken from.
    """

    def __init__(self, info: Any, first: Any) -> None:
        self._dtype = tf.as_dtype(info.dtype)
        self._shape = _dense_shape(first)
        self._values: list[Any] = []

    def add(self, value: Any, level: int = 0) -> None:
        """Adds a value of that shape."""
        rank = len(self._shape)
        if not isinstance(value, list):
            if level != rank:
                raise statuses.invalid(
                    f"JSON Value: {json_text.written(value)} found at incorrect level: {level + 1} "
                    f"in the JSON DOM. Expected at level: {rank}"
                )
            self._values.append(_leaf(value, self._dtype))
            return
        if level >= rank:
            raise statuses.invalid(
                f"Encountered list at unexpected level: {level} expected < {rank}"
            )
        if len(value) != self._shape[level]:
            raise statuses.invalid(
                f"Encountered list at unexpected size: {len(value)} at level: {level} "
                f"expected size: {self._shape[level]}"
            )
        for each in value:
            self.add(each, level + 1)

    def array(self, *outer: int) -> np.ndarray:
        """All values, in axes of their own around the shape."""
        try:
            with np.errstate(over="ignore"):  # A double that is no float is infinite.
                flat = np.array(self._values, self._dtype.as_numpy_dtype)
        except OverflowError as error:
            raise statuses.invalid("Number too big to be stored in double.") from error
        return flat.reshape((*outer, *self._shape))


def _of_rows(rows: Any, infos: Infos) -> Arrays:
    if not isinstance(rows, list):
        raise statuses.invalid("Excepting 'instances' to be an list/array")
    if not rows:
        raise statuses.invalid("No values in 'instances' list")
    fill = _fill_named if _is_object(rows[0]) else _fill_plain
    tensors: dict[str, _Tensor] = {}
    for index, row in enumerate(rows):
        fill(tensors, index, row, infos)
    return {name: tensor.array(len(rows)) for name, tensor in tensors.items()}


def _fill_named(tensors: dict[str, _Tensor], index: int, row: Any, infos: Infos) -> None:
    if not _is_object(row):
        raise statuses.invalid(f"Expecting object value but got non-object at list index: {index}")
    for name, value in row.items():
        _add(tensors, name, value, infos, f"{index} key: {name}")
    if row.keys() != set(infos):
        raise statuses.invalid(
            f"Failed to process element: {index} of 'instances' list. JSON object: "
            f"{json_text.written(row)} keys must be equal to: {','.join(sorted(infos))}"
        )


def _fill_plain(tensors: dict[str, _Tensor], index: int, row: Any, infos: Infos) -> None:
    if _is_object(row):
        raise statuses.invalid(f"Expecting value/list but got object at list index: {index}")
    if len(infos) > 1:
        raise statuses.invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    (name,) = infos
    _add(tensors, name, row, infos, f"{index}")


def _add(tensors: dict[str, _Tensor], name: str, value: Any, infos: Infos, element: str) -> None:
    try:
        if name not in infos:
            raise statuses.invalid(f"JSON object: does not have named input: {name}")
        if name not in tensors:
            tensors[name] = _Tensor(infos[name], value)
        tensors[name].add(value)
    except statuses.Failure as failure:
        raise statuses.invalid(
            f"Failed to process element: {element} of 'instances' list. "
            f"Error: {statuses.told(failure)}"
        ) from failure


def _of_columns(inputs: Any, infos: Infos) -> Arrays:
    if not _is_object(inputs):
        if len(infos) > 1:
            raise statuses.invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        return {name: _whole(inputs, info) for name, info in infos.items()}
    for name in sorted(infos):
        if name not in inputs:
            raise statuses.invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _whole(inputs[name], infos[name]) for name in sorted(infos)}


def _whole(value: Any, info: Any) -> np.ndarray:
    tensor = _Tensor(info, value)
    tensor.add(value)
    return tensor.array()


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not json_text.is_binary(value)


def _dense_shape(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _leaf(value: Any, dtype: tf.DType) -> Any:
    """A value in Python's type for it."""
    if dtype not in TAKES:
        raise statuses.unimplemented(
            f"Conversion of JSON Value: {json_text.written(value)} "
            f"to type: {statuses.type_name(dtype)}"
        )
    if dtype == tf.string and json_text.is_binary(value):
        return json_text.decoded(value)
    if not TAKES[dtype](value, dtype):
        raise json_text.type_error(value, statuses.type_name(dtype))
    return value.encode("utf-8") if dtype == tf.string else value


def _is_number(value: Any, dtype: tf.DType) -> bool:
    return type(value) in (int, float)


def _is_integer(value: Any, dtype: tf.DType) -> bool:
    return type(value) is int and dtype.min <= value <= dtype.max


def _is_text(value: Any, dtype: tf.DType) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any, dtype: tf.DType) -> bool:
    return isinstance(value, bool)


_INTEGERS = (
    tf.int8,
    tf.int16,
    tf.int32,
    tf.int64,
    tf.uint8,
    tf.uint16,
    tf.uint32,
    tf.uint64,
)
TAKES = {
    tf.float32: _is_number,
    tf.float64: _is_number,
    **dict.fromkeys(_INTEGERS, _is_integer),
    tf.string: _is_text,
    tf.bool: _is_bool,
}
