"""The calls over gRPC: `tensorflow.serving.PredictionService` and `ModelService`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfmtl.serving.server import statuses
from tfmtl.serving.server.service import Service

_ENTRYPOINT = "GRPC"
_CODES = {code.value[0]: code for code in grpc.StatusCode}

Channel = list[tuple[str, str | int]]


def start(
    service: Service,
    address: str,
    threads: int,
    most_calls: int | None,
    channel: Channel,
    health: HealthServicer | None = None,
) -> grpc.Server:
    """Starts to answer.

    Args:
        service: Answers.
        address: `host:port`.
        threads: How many calls are answered at once.
        most_calls: How many may wait or be answered before more are refused.
        channel: Arguments of gRPC's own.
        health: Answers gRPC's own health check.

    Raises:
        OSError: If the address cannot be had.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(threads, "grpc"),
        # Two servers on one port would each get half of the calls.
        options=[("grpc.so_reuseport", 0), *channel],
        maximum_concurrent_rpcs=most_calls,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionServicer(service), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(service), server)
    if health:
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
    _bind(server, address)
    server.start()
    return server


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """PredictionService."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def Predict(self, request: Any, context: Any) -> Any:
        """Answers tensors."""
        return self._answer("Predict", self._service.predict, request, context)

    def Classify(self, request: Any, context: Any) -> Any:
        """Answers classes of rows."""
        return self._answer("Classify", self._service.classify, request, context)

    def Regress(self, request: Any, context: Any) -> Any:
        """Answers numbers of rows."""
        return self._answer("Regress", self._service.regress, request, context)

    def MultiInference(self, request: Any, context: Any) -> Any:
        """Answers what several signatures say of rows."""
        return self._answer("MultiInference", self._service.multi_inference, request, context)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:
        """Answers signatures."""
        return _answer(self._service.metadata, request, context)

    def _answer(self, api: str, call: Callable[..., Any], request: Any, context: Any) -> Any:
        tasks = getattr(request, "tasks", None)
        spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
        try:
            with self._service.counted(spec.name if spec else "", api, _ENTRYPOINT):
                return call(request, context.time_remaining())
        except statuses.Failure as failure:
            _abort(context, failure)


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """ModelService."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def GetModelStatus(self, request: Any, context: Any) -> Any:
        """Answers the states of versions."""
        return _answer(self._service.status, request, context)

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:
        """Serves other models."""
        return _answer(self._service.reload, request, context)


def _bind(server: grpc.Server, address: str) -> None:
    try:
        bound = server.add_insecure_port(address)  # 0 in some versions of gRPC, an error in others.
    except RuntimeError:
        bound = 0
    if not bound:
        raise OSError("it cannot be had")


def _answer(call: Callable[[Any], Any], request: Any, context: Any) -> Any:
    try:
        return call(request)
    except Exception as error:
        _abort(context, statuses.as_failure(error))


def _abort(context: Any, failure: statuses.Failure) -> NoReturn:
    context.abort(_CODES.get(failure.error_code, grpc.StatusCode.UNKNOWN), failure.message)
    raise AssertionError("gRPC's `abort` does not return.")
