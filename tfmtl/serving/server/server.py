"""The development server: models, gRPC and REST, from its start to its end."""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from grpc_health.v1.health import HealthServicer
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfmtl.errors import ServingError
from tfmtl.serving.server import grpc_services, statuses
from tfmtl.serving.server.addresses import bracketed, check_addresses, not_had
from tfmtl.serving.server.batching_flags import BatchingFlags
from tfmtl.serving.server.config_files import metrics_path, models_config
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.server.metrics import Metrics
from tfmtl.serving.server.models import Models
from tfmtl.serving.server.options import Options
from tfmtl.serving.server.rest import Limits, RestServer
from tfmtl.serving.server.service import Service
from tfmtl.serving.server.version import Retries
from tfmtl.serving.server.warm_ups import warm_up

_log = logging.getLogger(__name__)

_GRACE = 5.0  # Seconds for calls that are being answered when the server ends.
_TICK = 0.2  # Seconds between looks at the clock.
_STDIN = 0  # The descriptor.


class Server:
    """Serves until it is stopped.

    Args:
        options: How.

    Raises:
        ServingError: If it cannot start so.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._metrics = Metrics()
        self._models = Models(
            self._load,
            Retries(options.max_num_load_retries, options.load_retry_interval_micros / 1e6),
            options.allow_version_labels_for_unavailable_models,
        )
        self._config = _config_of(options)
        self._batching = BatchingFlags(
            options.enable_batching,
            options.batching_parameters_file,
            options.enable_per_model_batching_parameters,
        )
        file = options.monitoring_config_file
        self._metrics_path = metrics_path(Path(file)) if file else None
        self._stop: list[Callable[[], Any]] = []

    def start(self) -> None:
        """Loads what there is and listens."""
        check_addresses(self._options)
        try:
            self._models.configure(self._config)
        except statuses.Failure as failure:
            raise ServingError(failure.message) from failure
        self._stop.append(lambda: self._models.end(_GRACE))
        service = Service(
            self._models, self._metrics, self._options.enable_serialization_as_tensor_content
        )
        if self._options.port:
            self._start_grpc(service)
        if self._options.rest_api_port:
            self._start_rest(service)

    def watch(self) -> None:
        """Looks for new versions and models, for ever."""
        files = _Every(self._options.file_system_poll_wait_seconds)
        config = _Every(self._options.model_config_file_poll_wait_seconds)
        while True:
            time.sleep(_TICK)
            if config.is_due() and self._options.model_config_file:
                _logged(self._reconfigure)
            if files.is_due():
                _logged(self._models.refresh)

    def stop(self) -> None:
        """Answers what was asked, and ends."""
        while self._stop:
            self._stop.pop()()

    def _start_grpc(self, service: Service) -> None:
        options = self._options
        address = f"{bracketed(options.host)}:{options.port}"
        most = options.max_concurrent_requests or None
        channel: grpc_services.Channel = [
            ("grpc.max_receive_message_length", options.max_request_bytes),
            *_channel_arguments(options.grpc_channel_arguments),
        ]
        health = HealthServicer() if options.enable_grpc_healthcheck_service else None
        try:
            server = grpc_services.start(
                service, address, options.grpc_max_threads, most, channel, health
            )
        except OSError as error:
            raise not_had("gRPC", options.host, options.port, "port", str(error)) from error
        self._stop.append(lambda: server.stop(_GRACE).wait())
        if health:
            self._stop.append(health.enter_graceful_shutdown)
        _log.info("Running gRPC ModelServer at %s ...", address)

    def _start_rest(self, service: Service) -> None:
        options = self._options
        timeout = options.rest_api_timeout_in_ms / 1000 if options.rest_api_timeout_in_ms else None
        limits = Limits(
            options.max_request_bytes,
            options.rest_api_num_threads,
            options.max_concurrent_requests or None,
            timeout,
        )
        port = options.rest_api_port
        try:
            server = RestServer(
                service,
                options.host,
                port,
                limits,
                self._metrics,
                self._metrics_path,
            )
        except OSError as error:
            raise not_had("REST", options.host, port, "rest_api_port", str(error)) from error
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._stop.append(lambda: server.end(_GRACE))
        _log.info("Exporting HTTP/REST API at:%s:%d ...", bracketed(options.host), port)

    def _reconfigure(self) -> None:
        config = models_config(Path(self._options.model_config_file))
        if config != self._config:
            _log.info("Serving the models of `%s` anew.", self._options.model_config_file)
            self._models.configure(config)
            self._config = config  # One that could not be served so is tried again.

    def _load(self, folder: Path) -> LoadedModel:
        """Loads a version and warms it up."""
        status = statuses.OK
        try:
            model = LoadedModel(
                folder,
                self._options.saved_model_tags.split(","),
                self._session(),
                functools.partial(self._batching.batched, folder),
            )
            try:
                if self._options.enable_model_warmup:
                    self._warm_up(model, folder)
            except BaseException:
                model.close()
                raise
        except Exception as error:
            status = statuses.code_name(statuses.as_failure(error))
            raise
        finally:
            self._metrics.loads.add(str(folder), status)
        return model

    def _warm_up(self, model: LoadedModel, folder: Path) -> None:
        started = time.perf_counter()
        count = warm_up(model, folder, self._options.num_request_iterations_for_warmup)
        if count:
            took = time.perf_counter() - started
            self._metrics.warm_up_latency.add(str(folder), statuses.OK, seconds=took)
            _log.info("Asked %d requests of `%s` to warm up, in %.1f s.", count, folder, took)

    def _session(self) -> tf.compat.v1.ConfigProto:
        options = self._options
        both = options.tensorflow_session_parallelism
        return tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=both or options.tensorflow_intra_op_parallelism,
            inter_op_parallelism_threads=both or options.tensorflow_inter_op_parallelism,
        )


class _Every:
    """A clock that strikes every so many seconds; never if they are not above 0."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether it has struck since it was last asked."""
        if self._seconds <= 0 or time.monotonic() - self._last < self._seconds:
            return False
        self._last = time.monotonic()
        return True


def serve(options: Options) -> None:
    """Serves until it is interrupted.

    Raises:
        ServingError: If it cannot start.
    """
    server = Server(options)
    if options.end_with_stdin:
        threading.Thread(target=end_with, args=(_STDIN,), daemon=True).start()
    try:
        server.start()
        server.watch()
    finally:
        server.stop()


def end_with(descriptor: int) -> None:
    """Reads a file until its end, as a pipe's comes when nobody has it open to write, and ends."""
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _config_of(options: Options) -> ModelServerConfig:
    if options.model_config_file:
        return models_config(Path(options.model_config_file))
    if not options.model_base_path:
        raise ServingError(
            "A server should have models: --model_base_path DIR, or --model_config_file FILE."
        )
    config = ModelServerConfig()
    model = config.model_config_list.config.add()
    model.name = options.model_name
    model.base_path = str(Path(options.model_base_path).absolute())
    model.model_platform = "tensorflow"
    return config


def _channel_arguments(text: str) -> Sequence[tuple[str, str | int]]:
    """`a=1,b=x` as gRPC takes it."""
    pairs = [each.partition("=") for each in text.split(",") if each]
    return [(name, int(value) if value.isdecimal() else value) for name, _, value in pairs]


def _logged(work: Callable[[], None]) -> None:
    """Does what must not end the server."""
    try:
        work()
    except Exception as error:
        _log.error("%s", getattr(error, "message", error))
