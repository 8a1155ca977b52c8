"""Tensors in the JSON that answers Predict, as TensorFlow Serving's `json_tensor.cc` writes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.serving.json_values import in_base64
from tfmtl.serving.server import json_text, statuses
from tfmtl.serving.server.json_tensors import TAKES, Arrays, Format

_BYTES_SUFFIX = "_bytes"  # Of outputs that are written as base64.


def body_of(outputs: Arrays, form: Format) -> str:
    """The answer, in the form of the request.

    Raises:
        Failure: If outputs differ in their numbers of rows, or are no JSON.
    """
    if not outputs:
        raise statuses.invalid("Cannot convert empty tensor map to JSON")
    if form is Format.ROWS:
        _check_rows(outputs)
    values = {name: _json_of(name, outputs[name]) for name in sorted(outputs)}
    if len(values) == 1:
        (answer,) = values.values()
    elif form is Format.COLUMNS:
        answer = values
    else:
        rows = zip(*values.values(), strict=True)
        answer = [dict(zip(values, row, strict=True)) for row in rows]
    return json_text.written({form.value: answer})


def _check_rows(outputs: Arrays) -> None:
    """Row form needs the same number of rows of every output."""
    rows = 0
    for name, value in sorted(outputs.items()):
        if value.ndim == 0:
            raise statuses.invalid(f"Tensor name: {name} has no shape information ")
        if len(value) < 1:
            raise statuses.invalid(f"Tensor name: {name} has invalid batch size: {len(value)}")
        if rows and len(value) != rows:
            raise statuses.invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(value)} "
                f"expecting batch size: {rows}"
            )
        rows = len(value)


def _json_of(name: str, value: np.ndarray) -> Any:
    if tf.as_dtype(value.dtype) not in TAKES:
        raise statuses.unimplemented(
            f"Encountered unsupported data type: {value.dtype.name} of tensor: {name}"
        )
    return _json_values(name, value[()])


def _json_values(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_json_values(name, each) for each in value]
    return _json_leaf(name, value)


def _json_leaf(name: str, value: Any) -> Any:
    if isinstance(value, np.float32):
        return float(str(value))  # Its own shortest digits, not those of the double.
    if not isinstance(value, bytes):
        return value.item()
    if name.endswith(_BYTES_SUFFIX):
        return in_base64(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise statuses.invalid(
            f"Tensor name: {name} has text that is not UTF-8, for which its name should end in "
            f"{_BYTES_SUFFIX}"
        ) from error
