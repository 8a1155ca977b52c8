"""The JSON of Classify and Regress: rows as objects of features, and what is answered.

A whole number becomes an int64, any other a float, a text or `{"b64": …}` bytes; lists are of one
kind. A feature that the model takes for a float needs `1.0`, and not `1`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from tfmtl.serving.server import json_text, statuses

_CONTEXT = "context"
_EXAMPLES = "examples"
_RESULTS = "results"
_LISTS = {"int64": "int64_list", "float": "float_list", "string": "bytes_list"}


def input_of(body: dict[str, Any], method: str) -> input_pb2.Input:
    """The rows of a body.

    Args:
        body: The request.
        method: `classify` or `regress`.

    Raises:
        Failure: If it has none, or they are no rows.
    """
    rows = body.get(_EXAMPLES)
    if _EXAMPLES not in body:
        raise statuses.invalid(
            f"When method is {method}, key 'examples' is expected and was not found"
        )
    if not isinstance(rows, list):
        raise statuses.invalid("Expecting 'examples' value to be an list/array")
    if not rows:
        raise statuses.invalid("Expecting 'examples' value to be a non-empty list/array")
    examples = [_example(row, "Example") for row in rows]
    given = input_pb2.Input()
    if _CONTEXT in body:
        listed = given.example_list_with_context
        listed.context.CopyFrom(_example(body[_CONTEXT], "Example context"))
    else:
        listed = given.example_list
    listed.examples.extend(examples)
    return given


def classes_body(response: classification_pb2.ClassificationResponse) -> str:
    """Of each row, pairs of a class and its score."""
    rows = [
        [[each.label, _number(each.score)] for each in row.classes]
        for row in response.result.classifications
    ]
    return json_text.written({_RESULTS: rows})


def values_body(response: regression_pb2.RegressionResponse) -> str:
    """A number of each row."""
    values = [_number(each.value) for each in response.result.regressions]
    return json_text.written({_RESULTS: values})


def _number(value: float) -> float:
    """A float's own shortest digits."""
    return float(str(tf.float32.as_numpy_dtype(value)))


def _example(row: Any, what: str) -> tf.train.Example:
    if not isinstance(row, dict):
        raise statuses.invalid(
            f"{what} must be JSON object but got JSON Type: {json_text.type_name(row)}"
        )
    features = {name: _feature(name, value) for name, value in row.items()}
    return tf.train.Example(features=tf.train.Features(feature=features))


def _feature(name: str, value: Any) -> tf.train.Feature:
    feature = tf.train.Feature()
    values = value if isinstance(value, list) else [value]
    kinds = [_kind(name, each) for each in values]
    for each, kind in zip(values, kinds, strict=True):
        if kind != kinds[0]:
            raise statuses.invalid(
                f"Unexpected element type in list of Feature: {name} expecting type: {kinds[0]} "
                f"but got JSON Value: {json_text.written(each)}"
            )
        _add(name, getattr(feature, _LISTS[kind]), each)
    return feature


def _kind(name: str, value: Any) -> str:
    if isinstance(value, int):  # True and False are whole numbers, too.
        return "int64"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str) or json_text.is_binary(value):
        return "string"
    raise statuses.invalid(
        f"Feature: {name} has JSON Value: {json_text.written(value)} of unsupported "
        f"JSON Type: {json_text.type_name(value)}"
    )


def _add(name: str, values: Any, value: Any) -> None:
    if json_text.is_binary(value):
        value = json_text.decoded(value)
    elif isinstance(value, str):
        value = value.encode("utf-8")
    try:
        values.value.append(value)
    except ValueError as error:
        raise statuses.invalid(
            f"Feature: {name} has JSON Value: {json_text.written(value)} out of range of int64"
        ) from error
