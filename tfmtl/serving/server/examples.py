"""Classify, Regress and MultiInference: rows as tf.Examples in, classes or a number a row out.

As TensorFlow Serving's `classifier.cc`, `regressor.cc` and `multi_inference.cc`: what is answered
depends on the names of a signature's inputs and outputs alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from tfmtl.serving.server import statuses
from tfmtl.serving.server.loaded_model import LoadedModel, checked

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS, _CLASSES, _SCORES, _OUTPUTS = "inputs", "classes", "scores", "outputs"

Outputs = Mapping[str, np.ndarray]


def classify(
    model: LoadedModel, signature_name: str, given: input_pb2.Input, timeout: float | None = None
) -> classification_pb2.ClassificationResult:
    """The classes of each row, and their scores.

    Raises:
        Failure: If the signature does not classify, or cannot answer.
    """
    task = _classification(model, signature_name)
    rows = _serialized(given)
    return _classes(task.taken(_answers(model, [task], rows, timeout)), len(rows))


def regress(
    model: LoadedModel, signature_name: str, given: input_pb2.Input, timeout: float | None = None
) -> regression_pb2.RegressionResult:
    """A number of each row.

    Raises:
        Failure: If the signature has none, or cannot answer.
    """
    task = _regression(model, signature_name)
    rows = _serialized(given)
    return _numbers(task.taken(_answers(model, [task], rows, timeout)), len(rows))


def infer(
    model: LoadedModel, request: inference_pb2.MultiInferenceRequest, timeout: float | None = None
) -> list[inference_pb2.InferenceResult]:
    """The answers of several signatures to the same rows, in one run.

    Raises:
        Failure: If one of them cannot answer.
    """
    tasks = [_task(model, task) for task in _distinct(request.tasks)]
    rows = _serialized(request.input)
    answers = _answers(model, tasks, rows, timeout)
    return [_result(task, answers, len(rows)) for task in tasks]


@dataclasses.dataclass(frozen=True)
class _Task:
    """A signature, and what is asked of it: `CLASSIFY` or `REGRESS`."""

    method: str
    name: str
    signature: Any

    @property
    def outputs(self) -> dict[str, str]:
        """The names of its tensors, by what they are."""
        infos = self.signature.outputs
        asked = (_CLASSES, _SCORES) if self.method == CLASSIFY else (_OUTPUTS,)
        return {name: infos[name].name for name in asked if name in infos}

    def taken(self, answers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Its own outputs of tensors by name."""
        return {what: answers[name] for what, name in self.outputs.items()}


def _signature(model: LoadedModel, name: str) -> tuple[str, Any]:
    name = name or _DEFAULT
    if name not in model.signatures:
        raise statuses.invalid(f"No signature was found with the name: {name}")
    return name, model.signatures[name]


def _classification(model: LoadedModel, signature_name: str) -> _Task:
    name, signature = _signature(model, signature_name)
    _check_input(signature, "classification")
    if len(signature.outputs) not in (1, 2):
        raise statuses.invalid(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if not {_CLASSES, _SCORES} & set(signature.outputs):
        raise statuses.invalid(
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
        )
    return _Task(CLASSIFY, name, signature)


def _regression(model: LoadedModel, signature_name: str) -> _Task:
    name, signature = _signature(model, signature_name)
    _check_input(signature, "regression")
    if len(signature.outputs) != 1:
        raise statuses.invalid("Expected one output Tensor.")
    if _OUTPUTS not in signature.outputs:
        raise statuses.invalid(f"No regression outputs found in SignatureDef: {signature}")
    return _Task(REGRESS, name, signature)


def _check_input(signature: Any, kind: str) -> None:
    if len(signature.inputs) != 1:
        raise statuses.invalid("Expected one input Tensor.")
    if _INPUTS not in signature.inputs:
        raise statuses.invalid(f"No {kind} inputs found in SignatureDef: {signature}")


def _distinct(tasks: Iterable[Any]) -> list[Any]:
    """The tasks of a MultiInference, if they ask one model for different things."""
    models, signatures = set(), set()
    for task in tasks:
        if not task.model_spec.name:
            raise statuses.invalid("Found ModelSpec with an empty model name.")
        models.add(task.model_spec.name)
        if len(models) > 1:
            raise statuses.invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or _DEFAULT
        if name in signatures:
            raise statuses.invalid(f"Duplicate evaluation of signature: {name}")
        signatures.add(name)
    return list(tasks)


def _task(model: LoadedModel, task: Any) -> _Task:
    if task.method_name == CLASSIFY:
        return _classification(model, task.model_spec.signature_name)
    if task.method_name == REGRESS:
        return _regression(model, task.model_spec.signature_name)
    raise statuses.unimplemented(f"Unsupported signature method_name: {task.method_name}")


def _serialized(given: input_pb2.Input) -> np.ndarray:
    """The rows as bytes. What all have in common is put before each, as bytes, too."""
    context = b""
    listed: Any = given.example_list
    if given.WhichOneof("kind") == "example_list_with_context":
        listed = given.example_list_with_context
        context = listed.context.SerializeToString()
    if not listed.examples:
        raise statuses.invalid("Input is empty.")
    return np.array([context + row.SerializeToString() for row in listed.examples], object)


def _answers(
    model: LoadedModel, tasks: list[_Task], rows: np.ndarray, timeout: float | None
) -> dict[str, np.ndarray]:
    """The tensors that the tasks ask for, by name, of one run."""
    feeds: dict[str, np.ndarray] = {}
    for task in tasks:
        feeds |= checked(task.signature.inputs, {_INPUTS: rows})
    fetches = sorted({name for task in tasks for name in task.outputs.values()})
    return dict(zip(fetches, model.run(feeds, fetches, timeout), strict=True))


def _result(
    task: _Task, answers: Mapping[str, np.ndarray], rows: int
) -> inference_pb2.InferenceResult:
    outputs = task.taken(answers)
    result = inference_pb2.InferenceResult()
    if task.method == CLASSIFY:
        result.classification_result.CopyFrom(_classes(outputs, rows))
    else:
        result.regression_result.CopyFrom(_numbers(outputs, rows))
    return result


def _classes(outputs: Outputs, rows: int) -> classification_pb2.ClassificationResult:
    labels, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    if labels is not None:
        _check_table(_CLASSES, labels, tf.string, rows)
    if scores is not None:
        _check_table(_SCORES, scores, tf.float32, rows)
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise statuses.invalid(
            "Tensors class and score should match in dim_size(1). "
            f"Got {labels.shape[1]} vs. {scores.shape[1]}"
        )
    result = classification_pb2.ClassificationResult()
    for row in range(rows):
        classes = result.classifications.add().classes
        for column in range((labels if labels is not None else scores).shape[1]):  # type: ignore[union-attr]
            each = classes.add()
            if labels is not None:
                each.label = labels[row, column]
            if scores is not None:
                each.score = scores[row, column]
    return result


def _check_table(name: str, value: np.ndarray, dtype: tf.DType, rows: int) -> None:
    if value.ndim != 2:
        raise statuses.invalid(
            f"Expected Tensor shape: [batch_size num_classes] but got {_shape(value)}"
        )
    _check_dtype(name, value, dtype)
    if len(value) != rows:
        raise statuses.invalid(f"Expected {name} output batch size of {rows}. Got: {len(value)}")


def _numbers(outputs: Outputs, rows: int) -> regression_pb2.RegressionResult:
    value = outputs[_OUTPUTS]
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
