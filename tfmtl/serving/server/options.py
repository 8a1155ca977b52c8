"""How the development server serves: flags, as `tensorflow_model_server` has them."""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf

_THREADS = 4 * (os.cpu_count() or 1)


@dataclasses.dataclass(frozen=True)
class Options:
    """`tfmtl serve --help` tells them one by one, by the same names."""

    model_name: str = "default"
    model_base_path: str = ""
    model_config_file: str = ""
    host: str = "127.0.0.1"
    end_with_stdin: bool = False
    port: int = 8500
    rest_api_port: int = 8501
    model_config_file_poll_wait_seconds: int = 0
    file_system_poll_wait_seconds: int = 1
    monitoring_config_file: str = ""
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    allow_version_labels_for_unavailable_models: bool = False
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    enable_batching: bool = False
    batching_parameters_file: str = ""
    enable_per_model_batching_parameters: bool = False
    saved_model_tags: str = tf.saved_model.SERVING
    tensorflow_session_parallelism: int = 0
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    rest_api_num_threads: int = _THREADS
    rest_api_timeout_in_ms: int = 30_000
    grpc_max_threads: int = _THREADS
    grpc_channel_arguments: str = ""
    enable_grpc_healthcheck_service: bool = False
    enable_serialization_as_tensor_content: bool = False
    max_request_bytes: int = 2**28
    max_concurrent_requests: int = 0
