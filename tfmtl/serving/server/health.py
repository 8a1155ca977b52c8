"""`grpc.health.v1.Health/Check`: whether the server answers, as Kubernetes and load balancers ask.

As in TensorFlow Serving it is the server that is meant, and not its models: GetModelStatus tells of
those.
"""

from __future__ import annotations

from typing import Any

import grpc

from tfmtl.protos.health_pb2 import HealthCheckRequest, HealthCheckResponse

_SERVICE = "grpc.health.v1.Health"


def health_handler() -> grpc.GenericRpcHandler:
    """Answers that the server serves."""
    check = grpc.unary_unary_rpc_method_handler(
        _check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(_SERVICE, {"Check": check})


def _check(request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
    if request.service:
        context.abort(grpc.StatusCode.NOT_FOUND, "service name unknown")
    return HealthCheckResponse(status=HealthCheckResponse.SERVING)
