"""Requests over gRPC."""

from __future__ import annotations

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

from tfmtl.serving.client.asking import Asked, failed

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
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def close(self) -> None:
        """See `Transport`."""
        self._channel.close()

    def _call(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise failed(self._address, error.code().name, error.details()) from error


def _spec(asked: Asked) -> ModelSpec:
    spec = ModelSpec(name=asked.model)
    if asked.version is not None:
        spec.version.value = asked.version
    if asked.label:
        spec.version_label = asked.label
    return spec
