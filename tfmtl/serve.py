"""`python -m tfmtl.serve`: answers requests as TensorFlow Serving does, for development.

The flags are those of `tensorflow_model_server`, so that a command line serves both.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Sequence
from typing import Any

from tfmtl import commands
from tfmtl.errors import ServingError

_log = logging.getLogger(__name__)

_MOST_PORT = 65535

# Flags of TensorFlow Serving's that change no answer, and mean nothing here: why, in a few words.
_PYTHON = "threads here are Python's"
_WITHOUT_EFFECT = {
    "num_load_threads": _PYTHON,
    "num_unload_threads": _PYTHON,
    "num_initial_load_threads": _PYTHON,
    "thread_pool_factory_config_file": _PYTHON,
    "flush_filesystem_caches": "the system's caches are left alone",
    "remove_unused_fields_from_bundle_metagraph": "memory is not spared here",
    "enable_signature_method_name_check": "method names are not looked at",
    "enable_profiler": "there is no profiler here",
    "per_process_gpu_memory_fraction": "the device is TensorFlow's choice",
    "skip_initialize_tpu": "there is no TPU here",
}
# Those without which a server would be another one than was asked for.
_REFUSED = {
    "grpc_socket_path": "the development server listens on --host and --port",
    "ssl_config_file": "the development server speaks in the clear; keep it on this machine",
    "use_alts_credentials": "the development server speaks in the clear; keep it on this machine",
    "platform_config_file": "the development server serves SavedModels as they are",
    "tensorflow_session_config_file": "use --tensorflow_intra_op_parallelism and the like",
    "prefer_tflite_model": "the development server serves SavedModels",
    "num_tflite_pools": "the development server serves SavedModels",
    "num_tflite_interpreters_per_pool": "the development server serves SavedModels",
    "mixed_precision": "the development server answers as the model was exported",
    "xla_cpu_compilation_enabled": "the development server compiles nothing",
    "rest_api_enable_cors_support": "put a proxy in front for pages of other origins",
    "servable_versions_always_present": "versions that are deleted are no longer served",
    "force_allow_any_version_labels_for_unavailable_models": (
        "use --allow_version_labels_for_unavailable_models"
    ),
}

# Help of the flags that are taken; types and defaults are those of `server.Options`.
_SERVED = {
    "port": "of gRPC (default: 8500); 0 for none",
    "rest_api_port": "of REST (default: 8501, as in the image tensorflow/serving); 0 for none",
    "model_name": "what the model is called (default: default)",
    "model_base_path": "the folder of its versions",
    "model_config_file": "text of ModelServerConfig: several models, versions, labels",
    "model_config_file_poll_wait_seconds": "how often it is read again (default: 0, never)",
    "file_system_poll_wait_seconds": "how often versions are looked for (default: 1; 0: once)",
    "monitoring_config_file": "text of MonitoringConfig: counts and latencies for Prometheus",
    "max_num_load_retries": "how often a version that fails to load is tried again (default: 5)",
    "load_retry_interval_micros": "the time before that (default: a minute)",
    "allow_version_labels_for_unavailable_models": "labels may be of versions that are to come",
    "enable_model_warmup": "whether warm-up requests are asked (default: true)",
    "num_request_iterations_for_warmup": "how often each is (default: 1)",
    "enable_batching": "whether requests that come at the same time are run together",
    "batching_parameters_file": "text of BatchingParameters: how large batches are, and more",
    "enable_per_model_batching_parameters": "a version's batching_params.pbtxt says that instead",
    "saved_model_tags": "those of the graph, with commas (default: serve)",
    "tensorflow_session_parallelism": "threads of TensorFlow (default: its own choice)",
    "tensorflow_intra_op_parallelism": "threads of an operation, without the last flag",
    "tensorflow_inter_op_parallelism": "operations at once, without that flag",
    "rest_api_num_threads": "REST's requests at once (default: 4 a core)",
    "rest_api_timeout_in_ms": "after which REST's are given up (default: 30000; 0: never)",
    "grpc_max_threads": "gRPC's requests at once (default: 4 a core)",
    "grpc_channel_arguments": "gRPC's own, as a=1,b=2",
    "enable_grpc_healthcheck_service": "whether grpc.health.v1.Health is answered",
    "enable_serialization_as_tensor_content": "numbers are answered as bytes",
}
_OWN = {
    "host": "where to listen (default: 127.0.0.1, so that only this machine can ask)",
    "end_with_stdin": "ends when its standard input does: whoever starts it holds that open",
    "max_request_bytes": "of one request (default: 256 MiB)",
    "max_concurrent_requests": "each of gRPC and REST; more are refused (default: 0, any number)",
}
_PORTS = ("port", "rest_api_port")
_BOOLEANS = (
    "allow_version_labels_for_unavailable_models",
    "enable_batching",
    "enable_grpc_healthcheck_service",
    "enable_model_warmup",
    "enable_per_model_batching_parameters",
    "enable_serialization_as_tensor_content",
    "end_with_stdin",
)
_TEXTS = (
    "model_name",
    "model_base_path",
    "model_config_file",
    "monitoring_config_file",
    "batching_parameters_file",
    "saved_model_tags",
    "grpc_channel_arguments",
    "host",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_serve, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "serve",
        "Answers REST and gRPC as TensorFlow Serving does. For development and tests, not for "
        "production.",
    )
    flags = parser.add_argument_group("flags of tensorflow_model_server")
    for name, told in _SERVED.items():
        _add(flags, name, told)
    own = parser.add_argument_group("flags of its own")
    for name, told in _OWN.items():
        _add(own, name, told)
    for name in (*_WITHOUT_EFFECT, *_REFUSED):
        parser.add_argument(f"--{name}", nargs="?", const="true", help=argparse.SUPPRESS)
    return parser


def _add(group: Any, name: str, told: str) -> None:
    if name in _BOOLEANS:
        group.add_argument(
            f"--{name}", nargs="?", const=True, type=_boolean, metavar="BOOL", help=told
        )
    else:
        kind, metavar = (str, "X") if name in _TEXTS else (_number, "N")
        kind = _port if name in _PORTS else kind
        group.add_argument(f"--{name}", type=kind, metavar=metavar, help=told)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"should be true or false; received: {text}")
    return text.lower() in ("true", "1")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"should be a whole number from 0; received: {text}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"should be a port, 0 to {_MOST_PORT}; received: {text}")
    return int(text)


def _serve(args: argparse.Namespace) -> None:
    given = {name: value for name, value in vars(args).items() if value is not None}
    _refuse(given)
    commands.load_api(args)
    if not args.debug:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from tfmtl.serving.extra import check_extra

    check_extra()
    from tfmtl.serving.server.server import Options, serve

    for name in sorted(given.keys() & _WITHOUT_EFFECT.keys()):
        _log.warning("--%s is left out of account: %s.", name, _WITHOUT_EFFECT[name])
    known = {field.name for field in dataclasses.fields(Options)}
    serve(Options(**{name: value for name, value in given.items() if name in known}))


def _refuse(given: dict[str, Any]) -> None:
    refused = sorted(given.keys() & _REFUSED.keys())
    if refused:
        raise ServingError("\n".join(f"--{name} is refused: {_REFUSED[name]}." for name in refused))


if __name__ == "__main__":
    sys.exit(main())
