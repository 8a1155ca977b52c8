"""Requests over gRPC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfmtl.errors import ServingError
from tfmtl.serving.client.asking import (
    DEADLINE,
    UNAVAILABLE,
    Asked,
    check_outputs,
    failed,
    late,
    unreached,
)

# What gRPC itself says, and not a server.
_LATE = ("Deadline Exceeded", "Deadline exceeded")
_UNREACHED = re.compile(r"failed to connect|errors resolving|DNS resolution failed|Socket closed")
_DROPPED = "CANCELLED"  # Of calls that came, and that a server which ends has not begun to answer.
_NO_HTTP2 = "Failed parsing HTTP/2"

_SIGNATURES = "signature_def"
# By themselves, clients in Python take answers of up to 4 MB.
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class OverGrpc:
    """A channel, which is used for all requests.

    Args:
        address: `host:port`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel = grpc.insecure_channel(address, _OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def signatures(self, asked: Asked, timeout: float) -> Mapping[str, Any]:
        """See `Transport`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_spec(asked), metadata_field=[_SIGNATURES]
        )
        response = self._call(self._stub.GetModelMetadata, request, timeout)
        told = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[_SIGNATURES].Unpack(told)
        return dict(told.signature_def)

    def predict(
        self,
        asked: Asked,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Mapping[str, Any],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """See `Transport`."""
        request = predict_pb2.PredictRequest(model_spec=_spec(asked))
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._stub.Predict, request, timeout)
        check_outputs(self._address, response.outputs, outputs)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def close(self) -> None:
        """See `Transport`."""
        self._channel.close()

    def _call(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._told(error, timeout) from error

    def _told(self, error: Any, timeout: float) -> ServingError:
        code, details = error.code().name, error.details() or ""
        if code == DEADLINE and details in _LATE:
            return late(self._address, timeout)
        if code == details == _DROPPED:
            return unreached(self._address, "the server ended")
        if code == UNAVAILABLE and _UNREACHED.match(details):
            would_do = ""
            if _NO_HTTP2 in details:
                would_do = f"If that is a server's port of REST, use `http://{self._address}`."
            return unreached(self._address, details, would_do)
        return failed(self._address, code, details)


def _spec(asked: Asked) -> ModelSpec:
    spec = ModelSpec(name=asked.model)
    if asked.version is not None:
        spec.version.value = asked.version
    if asked.label:
        spec.version_label = asked.label
    return spec
