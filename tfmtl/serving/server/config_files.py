"""The files that flags name, as text of TensorFlow Serving's messages."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfmtl.errors import ServingError
from tfmtl.protos.batching_parameters_pb2 import BatchingParameters
from tfmtl.protos.monitoring_pb2 import MonitoringConfig
from tfmtl.serving.batching import size_problems
from tfmtl.serving.server.batching import Limits

_METRICS_PATH = "/monitoring/prometheus/metrics"


def models_config(path: Path) -> ModelServerConfig:
    """The models of `--model_config_file`.

    Raises:
        ServingError: If it is no such text.
    """
    config = ModelServerConfig()
    _parse(path, config)
    return config


def metrics_path(path: Path) -> str | None:
    """Where `--monitoring_config_file` lets Prometheus read; None if nowhere.

    Raises:
        ServingError: If it is no such text.
    """
    config = MonitoringConfig()
    _parse(path, config)
    told = config.prometheus_config
    return (told.path or _METRICS_PATH) if told.enable else None


def batching_parameters(path: Path) -> BatchingParameters:
    """How `--batching_parameters_file`, or a version's own file, lets batches be made.

    Raises:
        ServingError: If it is no such text, or says what no server does.
    """
    parameters = BatchingParameters()
    _parse(path, parameters)
    if parameters.pad_variable_length_inputs:
        raise ServingError(
            f"`{path}`: `pad_variable_length_inputs` is refused: a server would fill lists up with "
            "their first element, which changes answers."
        )
    for problem in size_problems(list(parameters.allowed_batch_sizes), Limits.of(parameters).batch):
        raise ServingError(f"`{path}`: {problem}")
    return parameters


def _parse(path: Path, message: Message) -> None:
    try:
        text_format.Parse(path.read_text("utf-8"), message)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(
            f"`{path}` should be text of {message.DESCRIPTOR.name}. Received: {error}."
        ) from error
