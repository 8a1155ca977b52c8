"""Requests over REST, in columns."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import rapidjson
import requests
import tensorflow as tf
import urllib3
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

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
from tfmtl.serving.json_values import as_json

# The second in the middle of an answer, whether the server ended there or its time did.
_BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
_OK = 200
_NAMELESS = "one without a name"
_HTTP2 = "BadStatusLine('\\x00\\x00"  # The frame with which HTTP/2 begins is no line of HTTP/1.1.
_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: UNAVAILABLE,
    504: DEADLINE,
}


class OverRest:
    """Connections that are kept, one or more a thread.

    Args:
        address: `http://host:port`.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def signatures(self, asked: Asked, timeout: float) -> Mapping[str, Any]:
        """See `Transport`."""
        told = self._call("GET", f"{_path(asked)}/metadata", None, timeout)
        message = get_model_metadata_pb2.SignatureDefMap()
        json_format.ParseDict(told["metadata"]["signature_def"], message)
        return dict(message.signature_def)

    def predict(
        self,
        asked: Asked,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Mapping[str, Any],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """See `Transport`."""
        body = body_of(signature, inputs)
        answered = self._call("POST", f"{_path(asked)}:predict", body, timeout)["outputs"]
        if not isinstance(answered, dict):  # A signature's only output comes without its name.
            answered = dict.fromkeys(outputs if len(outputs) == 1 else [_NAMELESS], answered)
        check_outputs(self._address, answered, outputs)
        return {name: _array(answered[name], info) for name, info in outputs.items()}

    def close(self) -> None:
        """See `Transport`."""
        for session in self._sessions:
            session.close()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._sessions.append(self._local.session)
        session: requests.Session = self._local.session
        return session

    def _call(self, method: str, path: str, body: bytes | None, timeout: float) -> Any:
        try:
            response = self._session().request(
                method, self._address + path, data=body, timeout=timeout
            )
        except requests.Timeout as error:
            raise late(self._address, timeout) from error
        except _BROKEN as error:
            if isinstance(_inner(error), urllib3.exceptions.ReadTimeoutError):
                raise late(self._address, timeout) from error
            raise self._unreached(error) from error
        except requests.RequestException as error:
            raise ServingError(f"{self._address} cannot be asked: {error}") from error
        if response.status_code != _OK:
            code = _CODES.get(response.status_code, f"HTTP {response.status_code}")
            raise failed(self._address, code, _told(response))
        return self._parsed(response)

    def _unreached(self, error: requests.RequestException) -> ServingError:
        inner = _inner(error)
        reason = str(getattr(inner, "reason", inner))
        if _HTTP2 in reason:
            host = self._address.partition("://")[2]
            would_do = f"If that is a server's port of gRPC, use `{host}`."
            return unreached(self._address, "what answers speaks HTTP/2", would_do)
        return unreached(self._address, reason)

    def _parsed(self, response: requests.Response) -> Any:
        try:
            return rapidjson.loads(response.content)
        except ValueError as error:
            raise failed(self._address, "INTERNAL", "something that is no JSON") from error


def body_of(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    """A request as it goes over the wire.

    Args:
        signature: The signature that is asked.
        inputs: Tensors by input.
    """
    columns = {name: as_json(value.tolist()) for name, value in inputs.items()}
    return rapidjson.dumps({"signature_name": signature, "inputs": columns}).encode("utf-8")


def _inner(error: requests.RequestException) -> Any:
    """What urllib3 said."""
    return error.args[0] if error.args else error


def _path(asked: Asked) -> str:
    path = f"/v1/models/{quote(asked.model, safe='')}"
    if asked.version is not None:
        return f"{path}/versions/{asked.version}"
    return f"{path}/labels/{quote(asked.label, safe='')}" if asked.label else path


def _told(response: requests.Response) -> str:
    try:
        return str(rapidjson.loads(response.content)["error"])
    except (ValueError, TypeError, KeyError):
        return response.text


def _array(value: Any, info: Any) -> np.ndarray:
    dtype = tf.as_dtype(info.dtype)
    return np.array(_as_bytes(value) if dtype == tf.string else value, dtype.as_numpy_dtype)


def _as_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_bytes(each) for each in value]
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode("utf-8")
