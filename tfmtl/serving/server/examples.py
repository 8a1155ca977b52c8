"""Classify, Regress and MultiInference: rows as tf.Examples in, classes or a number a row out.

As TensorFlow Serving's `classifier.cc`, `regressor.cc` and `multi_inference.cc`: what is answered
depends on the names of a signature's inputs and outputs alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from tfmtl.serving.server import statuses
from tfmtl.serving.server.example_results import (
    CLASSES,
    OUTPUTS,
    SCORES,
    Outputs,
    classes_of,
    numbers_of,
)
from tfmtl.serving.server.loaded_model import LoadedModel, checked

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS = "inputs"


def classify(
    model: LoadedModel, signature_name: str, given: input_pb2.Input, timeout: float | None = None
) -> classification_pb2.ClassificationResult:
    """The classes of each row, and their scores.

    Raises:
        Failure: If the signature does not classify, or cannot answer.
    """
    (result,) = _results(model, [_classification(model, signature_name)], given, timeout)
    return result


def regress(
    model: LoadedModel, signature_name: str, given: input_pb2.Input, timeout: float | None = None
) -> regression_pb2.RegressionResult:
    """A number of each row.

    Raises:
        Failure: If the signature has none, or cannot answer.
    """
    (result,) = _results(model, [_regression(model, signature_name)], given, timeout)
    return result


def infer(
    model: LoadedModel, request: inference_pb2.MultiInferenceRequest, timeout: float | None = None
) -> list[inference_pb2.InferenceResult]:
    """The answers of several signatures to the same rows, in one run.

    Raises:
        Failure: If one of them cannot answer.
    """
    tasks = [_task(model, task) for task in _distinct(request.tasks)]
    results = _results(model, tasks, request.input, timeout)
    return [
        inference_pb2.InferenceResult(**{task.field: result})
        for task, result in zip(tasks, results, strict=True)
    ]


def count_rows(given: input_pb2.Input) -> int:
    """How many rows there are."""
    return len(_listed(given).examples)


@dataclasses.dataclass(frozen=True)
class _Task:
    """What is asked of a signature, and what its answers become.

    Args:
        signature: The signature.
        known: Names that its outputs may have.
        result_of: Makes a result of the outputs and the number of rows.
        field: Where MultiInference puts it.
    """

    signature: Any
    known: tuple[str, ...]
    result_of: Callable[[Outputs, int], Any]
    field: str

    @property
    def outputs(self) -> dict[str, str]:
        """The names of its tensors, by what they are."""
        infos = self.signature.outputs
        return {name: infos[name].name for name in self.known if name in infos}


def _signature(model: LoadedModel, name: str) -> Any:
    name = name or _DEFAULT
    if name not in model.signatures:
        raise statuses.invalid(f"No signature was found with the name: {name}")
    return model.signatures[name]


def _classification(model: LoadedModel, signature_name: str) -> _Task:
    signature = _signature(model, signature_name)
    _check_input(signature, "classification")
    if len(signature.outputs) not in (1, 2):
        raise statuses.invalid(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if not {CLASSES, SCORES} & set(signature.outputs):
        raise statuses.invalid(
            "Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature was: {signature}'
        )
    return _Task(signature, (CLASSES, SCORES), classes_of, "classification_result")


def _regression(model: LoadedModel, signature_name: str) -> _Task:
    signature = _signature(model, signature_name)
    _check_input(signature, "regression")
    if len(signature.outputs) != 1:
        raise statuses.invalid("Expected one output Tensor.")
    if OUTPUTS not in signature.outputs:
        raise statuses.invalid(f"No regression outputs found in SignatureDef: {signature}")
    return _Task(signature, (OUTPUTS,), numbers_of, "regression_result")


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
    listed = _listed(given)
    if not listed.examples:
        raise statuses.invalid("Input is empty.")
    has_context = isinstance(listed, input_pb2.ExampleListWithContext)
    context = listed.context.SerializeToString() if has_context else b""
    return np.array([context + row.SerializeToString() for row in listed.examples], object)


def _listed(given: input_pb2.Input) -> Any:
    """The rows, and perhaps what all have in common."""
    return getattr(given, given.WhichOneof("kind") or "example_list")


def _results(
    model: LoadedModel, tasks: list[_Task], given: input_pb2.Input, timeout: float | None
) -> list[Any]:
    """What the tasks make of the rows, in one run."""
    rows = _serialized(given)
    feeds: dict[str, np.ndarray] = {}
    for task in tasks:
        feeds |= checked(task.signature.inputs, {_INPUTS: rows})
    fetches = sorted({name for task in tasks for name in task.outputs.values()})
    answers = dict(zip(fetches, model.run(feeds, fetches, timeout), strict=True))
    return [
        task.result_of({what: answers[name] for what, name in task.outputs.items()}, len(rows))
        for task in tasks
    ]
