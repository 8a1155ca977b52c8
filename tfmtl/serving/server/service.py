"""Every call that is served, in TensorFlow Serving's messages, whatever it comes over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfmtl.serving.server import (
    examples,
    json_answers,
    json_tensors,
    json_text,
    predicting,
    statuses,
)
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.models import Models

_SIGNATURES = "signature_def"
_RUNTIME = "TF1"

T = TypeVar("T")

Timeout = float | None  # Seconds.


class Service:
    """Answers calls.

    Args:
        models: What is asked.
        metrics: Where calls are counted.
        as_content: Whether numbers are answered as one field of bytes.
    """

    def __init__(self, models: Models, metrics: Metrics, as_content: bool = False) -> None:
        self._models = models
        self._metrics = metrics
        self._as_content = as_content

    @contextlib.contextmanager
    def counted(self, model: str, api: str, entrypoint: str) -> Iterator[None]:
        """Counts a call, and makes every error in it a failure.

        Args:
            model: The model that is asked.
            api: What it is asked for.
            entrypoint: `GRPC` or `REST`.

        Raises:
            Failure: What the call ended with.
        """
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            failure = statuses.as_failure(error)
            self._metrics.requests.add(model, statuses.code_name(failure))
            if failure is error:
                raise
            raise failure from error
        self._metrics.requests.add(model, statuses.OK)
        took = time.perf_counter() - started
        self._metrics.request_latency.add(model, api, entrypoint, seconds=took)

    def predict(
        self, request: predict_pb2.PredictRequest, timeout: Timeout = None
    ) -> predict_pb2.PredictResponse:
        """Predict."""
        with self._model(request, "Predict") as (model, spec):
            inputs = predicting.arrays_of(request.inputs)
            name, asked = request.model_spec.signature_name, list(request.output_filter)
            outputs = predicting.predict(model, name, inputs, asked, timeout)
        response = predict_pb2.PredictResponse(model_spec=_with_signature(spec))
        predicting.put(response.outputs, outputs, self._as_content)
        return response

    def predict_json(self, spec: ModelSpec, body: bytes, timeout: Timeout = None) -> str:
        """Predict, in JSON."""
        parsed = json_text.parse(body)
        name = json_tensors.signature_name(parsed)
        with self._models.use(spec) as (model, _):
            if name not in model.signatures:
                raise statuses.invalid(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            form, inputs = json_tensors.tensors_of(parsed, model.signatures[name].inputs)
            with self._timed(spec.name, "Predict"):
                outputs = predicting.predict(model, name, inputs, timeout=timeout)
        return json_answers.body_of(outputs, form)

    def classify(
        self, request: classification_pb2.ClassificationRequest, timeout: Timeout = None
    ) -> classification_pb2.ClassificationResponse:
        """Classify."""
        result, spec = self._of_rows(request, "Classify", examples.classify, timeout)
        return classification_pb2.ClassificationResponse(result=result, model_spec=spec)

    def regress(
        self, request: regression_pb2.RegressionRequest, timeout: Timeout = None
    ) -> regression_pb2.RegressionResponse:
        """Regress."""
        result, spec = self._of_rows(request, "Regress", examples.regress, timeout)
        return regression_pb2.RegressionResponse(result=result, model_spec=spec)

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, timeout: Timeout = None
    ) -> inference_pb2.MultiInferenceResponse:
        """MultiInference."""
        spec = request.tasks[0].model_spec if request.tasks else ModelSpec()
        with self._models.use(spec) as (model, used), self._timed(spec.name, "MultiInference"):
            results = examples.infer(model, request, timeout)
        self._metrics.examples.add(spec.name, by=examples.count_rows(request.input))
        for task, result in zip(request.tasks, results, strict=True):
            result.model_spec.CopyFrom(used)
            result.model_spec.signature_name = task.model_spec.signature_name
        return inference_pb2.MultiInferenceResponse(results=results)

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """GetModelMetadata."""
        _check_spec(request)
        if not request.metadata_field:
            raise statuses.invalid(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != _SIGNATURES:
                raise statuses.invalid(f"Metadata field {field} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._models.use(request.model_spec) as (model, spec):
            told = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in model.signatures.items():
                told.signature_def[name].CopyFrom(signature)
        response.model_spec.CopyFrom(spec)
        response.metadata[_SIGNATURES].Pack(told)
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """GetModelStatus."""
        _check_spec(request)
        found = self._models.statuses(request.model_spec)
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=found)

    def reload(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """HandleReloadConfigRequest."""
        self._models.configure(request.config)
        self._models.check()
        return model_management_pb2.ReloadConfigResponse()

    def _of_rows(
        self, request: Any, api: str, ask: Callable[..., T], timeout: Timeout
    ) -> tuple[T, ModelSpec]:
        """What a model says of rows of features, and which it was."""
        with self._model(request, api) as (model, spec):
            answer = ask(model, request.model_spec.signature_name, request.input, timeout)
        self._metrics.examples.add(spec.name, by=examples.count_rows(request.input))
        return answer, spec

    @contextlib.contextmanager
    def _model(self, request: Any, api: str) -> Iterator[tuple[LoadedModel, ModelSpec]]:
        _check_spec(request)
        with self._models.use(request.model_spec) as found:
            with self._timed(request.model_spec.name, api):
                yield found

    @contextlib.contextmanager
    def _timed(self, model: str, api: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        took = time.perf_counter() - started
        self._metrics.runtime_latency.add(model, api, _RUNTIME, seconds=took)


def _check_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise statuses.invalid("Missing ModelSpec")


def _with_signature(spec: ModelSpec) -> ModelSpec:
    """Predict tells the signature that was asked, `serving_default` by its name as well."""
    spec.signature_name = spec.signature_name or predicting.DEFAULT
    return spec
