"""REST's server: HTTP's connections, each in a thread, and what it allows itself.

`rest_calls` has the calls. GET /monitoring/prometheus/metrics, if that is asked for, tells metrics.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http
import http.server
import logging
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from tfmtl.serving.server import json_text, statuses
from tfmtl.serving.server.http_body import Unreadable, read_body
from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.rest_calls import answer
from tfmtl.serving.server.service import Service

_log = logging.getLogger(__name__)

_ANY = re.compile(r"/v1/.*", re.IGNORECASE)

_JSON = "application/json"
_TEXT = "text/plain"
_LET_GO = 1.0  # Seconds.


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
        self._answering = 0
        self._is_idle = threading.Condition()
        self.is_ending = False
        self._has_ended = False
        super().__init__((host, port), _Handler)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A thread to answer in.

        Raises:
            Failure: If too many wait for one, or the server has ended.
        """
        if self._calls and not self._calls.acquire(blocking=False):
            raise statuses.exhausted("Concurrent request limit exceeded!")
        try:
            with self._places:
                # A connection that was kept may still bring a request; another has waited so long.
                if self._has_ended:
                    raise statuses.unavailable("The server has ended")
                yield
        finally:
            if self._calls:
                self._calls.release()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """While a request is read and answered, the server does not end."""
        with self._is_idle:
            self._answering += 1
        try:
            yield
        finally:
            with self._is_idle:
                self._answering -= 1
                self._is_idle.notify_all()

    def end(self, grace: float) -> None:
        """Takes no more connections, and answers what is being asked.

        Args:
            grace: Seconds for that.
        """
        self.is_ending = True
        self.shutdown()
        self.server_close()
        with self._is_idle:
            self._is_idle.wait_for(lambda: not self._answering, grace)
            self._has_ended = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what broke a connection, unless it was the client who left."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            _log.exception("A connection of %s broke.", client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: RestServer
    protocol_version = "HTTP/1.1"
    server_version = "tfmtl"
    disable_nagle_algorithm = True
    default_request_version = "HTTP/1.0"  # A line that is no request is answered with headers, too.
    timeout = 300  # Seconds after which a silent connection is closed.
    wbufsize = -1  # An answer is sent as a whole.

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Tells of what HTTP's own server refuses as of any other error, in JSON."""
        self.close_connection = True
        if code == http.HTTPStatus.NOT_IMPLEMENTED:
            code, message = 400, f"Malformed request: {self.command} {self.path}"
        self._send(code, _JSON, json_text.error_body(message or http.HTTPStatus(code).phrase))
        self._let_go()

    def _handle(self) -> None:
        with self.server.answering():
            self._handle_request()
            self.wfile.flush()

    def _handle_request(self) -> None:
        path = self.path.partition("?")[0]
        try:
            body = read_body(self.headers, self.rfile, self.server.limits.body)
        except Unreadable as error:
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
        self.close_connection = self.close_connection or self.server.is_ending
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
