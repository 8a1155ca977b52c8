"""What Classify and Regress answer, made of a signature's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, regression_pb2

from tfmtl.serving.server import statuses

CLASSES, SCORES, OUTPUTS = "classes", "scores", "outputs"

Outputs = Mapping[str, np.ndarray]

_CLASS_FIELDS = {CLASSES: "label", SCORES: "score"}


def classes_of(outputs: Outputs, rows: int) -> classification_pb2.ClassificationResult:
    """The classes of each row, and their scores; of the two, one may be missing.

    Raises:
        Failure: If there is no class of each row.
    """
    tables = {}
    for name, dtype in ((CLASSES, tf.string), (SCORES, tf.float32)):
        if name in outputs:
            _check_table(name, outputs[name], dtype, rows)
            tables[_CLASS_FIELDS[name]] = outputs[name]
    _check_widths(*(table.shape[1] for table in tables.values()))
    result = classification_pb2.ClassificationResult()
    for row in range(rows):
        cells = zip(*(table[row] for table in tables.values()), strict=True)
        result.classifications.add().classes.extend(
            classification_pb2.Class(**dict(zip(tables, each, strict=True))) for each in cells
        )
    return result


def numbers_of(outputs: Outputs, rows: int) -> regression_pb2.RegressionResult:
    """A number of each row.

    Raises:
        Failure: If there is none.
    """
    value = outputs[OUTPUTS]
    if value.ndim not in (1, 2) or value.shape[1:] not in ((), (1,)):
        raise statuses.invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape(value)}"
        )
    if len(value) != rows:
        raise statuses.invalid(
            f"Input batch size did not match output batch size: {rows} vs. {len(value)}"
        )
    _check_dtype("output", value, tf.float32)
    result = regression_pb2.RegressionResult()
    for number in value.reshape(-1):
        result.regressions.add().value = number
    return result


def _check_widths(classes: int, scores: int | None = None) -> None:
    if scores not in (None, classes):
        raise statuses.invalid(
            f"Tensors class and score should match in dim_size(1). Got {classes} vs. {scores}"
        )


def _check_table(name: str, value: np.ndarray, dtype: tf.DType, rows: int) -> None:
    if value.ndim != 2:
        raise statuses.invalid(
            f"Expected Tensor shape: [batch_size num_classes] but got {_shape(value)}"
        )
    _check_dtype(name, value, dtype)
    if len(value) != rows:
        raise statuses.invalid(f"Expected {name} output batch size of {rows}. Got: {len(value)}")


def _check_dtype(name: str, value: np.ndarray, dtype: tf.DType) -> None:
    if tf.as_dtype(value.dtype) != dtype:
        raise statuses.invalid(
            f"Expected {name} Tensor of {_dtype_name(dtype)}. Got: {_dtype_name(value.dtype)}"
        )


def _dtype_name(dtype: Any) -> str:
    name: str = types_pb2.DataType.Name(tf.as_dtype(dtype).as_datatype_enum)
    return name


def _shape(value: np.ndarray) -> str:
    return f"[{','.join(map(str, value.shape))}]"
