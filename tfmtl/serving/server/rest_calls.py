"""The calls over REST, as TensorFlow Serving's `http_rest_api_handler.cc` knows them.

POST /v1/models/NAME[/versions/N|/labels/L]:predict, :classify or :regress
GET  /v1/models/NAME[/versions/N|/labels/L][/metadata]
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    regression_pb2,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfmtl.serving.server import json_examples, json_tensors, json_text, statuses
from tfmtl.serving.server.http_body import fits
from tfmtl.serving.server.service import Service

_MODEL = r"/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
_ASK = re.compile(_MODEL + r":(classify|regress|predict)", re.IGNORECASE | re.ASCII)
_TELL = re.compile(_MODEL + r"(?:/(metadata))?", re.IGNORECASE | re.ASCII)
_ENTRYPOINT = "REST"


def answer(
    service: Service, method: str, path: str, body: bytes, timeout: float | None = None
) -> str:
    """The body that answers a request.

    Args:
        service: Answers.
        method: HTTP's.
        path: Without what follows a question mark.
        body: What was sent.
        timeout: Seconds that the model may take.

    Raises:
        Failure: If there is no answer.
    """
    if method == "POST" and (match := _ASK.fullmatch(path)):
        name, version, label, api = match.groups()
        with service.counted(name, api.lower(), _ENTRYPOINT):
            return _ask(service, _spec(name, version, label), api.lower(), body, timeout)
    if method == "GET" and (match := _TELL.fullmatch(path)):
        name, version, label, is_metadata = match.groups()
        tell = _metadata if is_metadata else _status
        return tell(service, _spec(name, version, label))
    raise statuses.invalid(f"Malformed request: {method} {path}")


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    spec = ModelSpec(name=name)
    if version is not None:
        if not fits(version):
            raise statuses.invalid(f"Failed to convert version: {version} to numeric.")
        spec.version.value = int(version)
    if label is not None:
        spec.version_label = label
    return spec


def _ask(service: Service, spec: ModelSpec, api: str, body: bytes, timeout: float | None) -> str:
    if api == "predict":
        return service.predict_json(spec, body, timeout)
    parsed = json_text.parse(body)
    spec.signature_name = json_tensors.signature_name(parsed)
    given = json_examples.input_of(parsed, api)
    if api == "classify":
        request = classification_pb2.ClassificationRequest(model_spec=spec, input=given)
        return json_examples.classes_body(service.classify(request, timeout))
    asked = regression_pb2.RegressionRequest(model_spec=spec, input=given)
    return json_examples.values_body(service.regress(asked, timeout))


def _status(service: Service, spec: ModelSpec) -> str:
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    return f"{_json(service.status(request))}\n"


def _metadata(service: Service, spec: ModelSpec) -> str:
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
    )
    response = service.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return (
        f'{{\n"model_spec":{_json(response.model_spec)}\n,\n'
        f'"metadata": {{"signature_def": {_json(signatures)}\n}}\n}}\n'
    )


def _json(message: Any) -> str:
    return json_format.MessageToJson(
        message,
        always_print_fields_with_no_presence=True,
        preserving_proto_field_name=True,
        indent=1,
    )
