"""The calls over REST, as TensorFlow Serving's `http_rest_api_handler.cc` knows them.

POST /v1/models/NAME[/versions/N|/labels/L]:predict, :classify or :regress
GET  /v1/models/NAME[/versions/N|/labels/L][/metadata]
GET  /monitoring/prometheus/metrics, if that is asked for
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import logging
import re
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
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
from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.service import Service

_log = logging.getLogger(__name__)

_MODEL = r"/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
_ASK = re.compile(_MODEL + r":(classify|regress|predict)", re.IGNORECASE | re.ASCII)
_TELL = re.compile(_MODEL + r"(?:/(metadata))?", re.IGNORECASE | re.ASCII)
_ANY = re.compile(r"/v1/.*", re.IGNORECASE)

_HEX = re.compile(rb"[0-9a-fA-F]+")

_JSON = "application/json"
_TEXT = "text/plain"
_ENTRYPOINT = "REST"
_TOO_LARGE = 413
_MANY_DIGITS = 1000  # Which Python would not read as a number without being asked to.
_LET_GO = 1.0  # Seconds.
_MOST_HEADER = 65536  # Of a chunk.


@dataclasses.dataclass(frozen=True)
class Limits:
    """What REST allows itself.

    Args:
        body: Bytes of a request.
        threads: How many requests are answered at once; others wait.
        calls: How many may wait or be answered before more are refused; None means any.
        timeout: Seconds that a request may take in the model.
    """

    body: int = 2**28
    threads: int = 8
    calls: int | None = None
    timeout: float | None = 30.0


class RestServer(http.server.ThreadingHTTPServer):
    """Answers over HTTP, with a thread for each connection.

    Args:
        service: Answers.
        host: Where it listens.
        port: Its port; 0 takes one that is free.
        limits: What is too much.
        metrics: What it tells at `metrics_path`.
        metrics_path: None tells nothing.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        service: Service,
        host: str,
        port: int,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        metrics_path: str | None = None,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.service = service
        self.limits = limits = limits or Limits()
        self.metrics = metrics
        self.metrics_path = metrics_path
        self._places = threading.BoundedSemaphore(limits.threads)
        self._calls = threading.BoundedSemaphore(limits.calls) if limits.calls else None
        super().__init__((host, port), _Handler)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A thread to answer in.

        Raises:
            Failure: If too many wait for one.
        """
        if self._calls and not self._calls.acquire(blocking=False):
            raise statuses.exhausted("Concurrent request limit exceeded!")
        try:
            with self._places:
                yield
        finally:
            if self._calls:
                self._calls.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what broke a connection, unless it was the client who left."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            _log.exception("A connection of %s broke.", client_address)


class _Unreadable(Exception):
    """A request whose body cannot be read: HTTP's number, and what to say."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: RestServer
    protocol_version = "HTTP/1.1"
    server_version = "tfmtl"
    disable_nagle_algorithm = True
    timeout = 300  # Seconds after which a silent connection is closed.
    wbufsize = -1  # An answer is sent as a whole.

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def _handle(self) -> None:
        path = self.path.partition("?")[0]
        try:
            body = self._body()
        except _Unreadable as error:
            self.close_connection = True  # What follows is no request.
            self._send(error.status, _JSON, json_text.error_body(str(error)))
            self._let_go()
            return
        if path == self.server.metrics_path and self.server.metrics:
            self._send(200, _TEXT, self.server.metrics.text())
        elif not _ANY.fullmatch(path):
            self._send(404, _TEXT, f"Not Found: {path}\n")
        else:
            self._answer(path, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = _handle

    def _answer(self, path: str, body: bytes) -> None:
        try:
            with self.server.place():
                text = answer(
                    self.server.service, self.command, path, body, self.server.limits.timeout
                )
        except Exception as error:
            failure = statuses.as_failure(error)
            text = json_text.error_body(failure.message)
            self._send(statuses.http_status(failure), _JSON, text)
        else:
            self._send(200, _JSON, text)

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _let_go(self) -> None:
        """Takes for a while what is still sent, or the client would never see its answer."""
        self.wfile.flush()
        until = time.monotonic() + _LET_GO
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LET_GO)
            while time.monotonic() < until and self.rfile.read1():
                pass

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            data = b"".join(self._chunks())
        else:
            data = self._exactly(_length(self.headers.get("Content-Length", "0")))
        if self.headers.get("Content-Encoding", "").lower() == "gzip":
            return _unzipped(data, self.server.limits.body)
        return data

    def _exactly(self, count: int) -> bytes:
        if count > self.server.limits.body:
            raise _too_large(self.server.limits.body)
        data = self.rfile.read(count)
        if len(data) < count:
            raise _Unreadable(400, "The body is shorter than its Content-Length")
        return data

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while size := self._chunk_size():
            total += size
            if total > self.server.limits.body:
                raise _too_large(self.server.limits.body)
            yield self._exactly(size)
            self.rfile.readline(_MOST_HEADER)
        while self.rfile.readline(_MOST_HEADER).strip():
            pass  # Headers after the body.

    def _chunk_size(self) -> int:
        text = self.rfile.readline(_MOST_HEADER).partition(b";")[0].strip()
        if not _HEX.fullmatch(text):
            raise _Unreadable(400, "The body's chunks should begin with their sizes")
        return int(text, 16)


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
        if not _fits(version):
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


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and _fits(text)):
        raise _Unreadable(400, f"Content-Length should be a whole number. Received: {text}")
    return int(text)


def _fits(digits: str) -> bool:
    """Whether a number can be one of 64 bits."""
    return len(digits) < _MANY_DIGITS and int(digits) < 2**63


def _too_large(limit: int) -> _Unreadable:
    return _Unreadable(_TOO_LARGE, f"A request should have at most {limit} bytes")


def _unzipped(data: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=31)  # With gzip's header.
    try:
        text = unzip.decompress(data, limit + 1)
    except zlib.error as error:
        raise _Unreadable(400, f"The body should be gzip. Received: {error}") from error
    if len(text) > limit:
        raise _too_large(limit)
    if not unzip.eof:
        raise _Unreadable(400, "The body should be gzip. Received: only a part of it")
    return text
