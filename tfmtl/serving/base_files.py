"""What lies beside the versions, for who serves and who asks: a README, requests, a config.

models.config    for `--model_config_file`
request.json     a request for REST, of every other signature in request_<signature>.json
request.py       the same for gRPC
README.md        how to serve and to ask
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmtl.config import write_text
from tfmtl.serving.batching import BATCHING_FILE
from tfmtl.serving.joined_inputs import FEATURES, JOINED, JoinedCells
from tfmtl.serving.json_values import as_json
from tfmtl.serving.prediction_logs import Record
from tfmtl.serving.signatures import SERVING_DEFAULT
from tfmtl.serving.trial_requests import taken

_ROWS = 2  # Of a sample request.

_MODELS = """model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
"""

_GRPC = '''"""Asks the model over gRPC. Needs the packages tensorflow and tensorflow-serving-api."""

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

INPUTS = {{
{inputs}
}}

request = predict_pb2.PredictRequest()
request.model_spec.name = "{name}"
request.model_spec.signature_name = "{signature}"
for column, (dtype, values) in INPUTS.items():
    request.inputs[column].CopyFrom(tf.make_tensor_proto(values, dtype))

# Without this option an answer of more than 4 MB is refused. Keep the channel for later requests.
channel = grpc.insecure_channel("localhost:8500", [("grpc.max_receive_message_length", -1)])
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
response = stub.Predict(request, timeout=5)  # Seconds.
print({{name: tf.make_ndarray(value) for name, value in response.outputs.items()}})
'''

_README = """# {name}

Versions of a model that tfmtl exported, for TensorFlow Serving. Every folder of a number is one;
the largest is served. The server should be of TensorFlow {tensorflow} or later.

    docker run -p 8500:8500 -p 8501:8501 -v "$PWD:/models/{name}" tensorflow/serving \\
        --model_config_file=/models/{name}/models.config

in this folder serves REST on port 8501 and gRPC on 8500. New versions are found by themselves.

Without Docker, and for development alone,

    python -m tfmtl.serve --model_name {name} --model_base_path .

does the same. Then ask:

    curl -d @request.json localhost:8501/v1/models/{name}:predict
    python request.py

The other files of requests go to the same address, those of `classify` and `regress`, too; a
request to `:classify` or `:regress` itself has that name as its `signature_name` and the columns of
`request.json` in `examples`.

| signature | inputs | outputs | request |
|---|---|---|---|
{signatures}

Every request brings every input of its signature; what is missing is an empty text, NaN, or what
the config declares as missing.
{joined}
## Flags worth setting

| flag | why |
|---|---|
| `--tensorflow_intra_op_parallelism=1` | a thread for each of many small requests; try it |
| `--num_load_threads=1 --num_unload_threads=1` | versions come and go on threads of their own |
| `--monitoring_config_file=FILE` | counts and latencies for Prometheus |
| `--grpc_channel_arguments=grpc.max_concurrent_streams=N` | bounds what a client asks at once |
| `--model_config_file_poll_wait_seconds=60` | reads changes of `models.config` |
{batching}
Leave `pad_variable_length_inputs` off and warm-up (`--enable_model_warmup`) on, as they are.

While one version takes the place of another both are in memory: about
{swap:,} bytes, {memory:,} for one.

`python -m tfmtl.export --check .` holds the newest version to all that an export must be.
"""

_JOINED = """
Of `{signature}`, a row in `{input}` is {count} cells with `{mark}` between them: {columns}.
No cell may have that text in it.
"""

_BATCHING = (
    "| `--enable_batching --enable_per_model_batching_parameters` "
    f"| reads `{BATCHING_FILE}` of each version |\n"
)


def write_base_files(
    base: Path, name: str, manifest: Mapping[str, Any], records: Sequence[Record], batched: bool
) -> None:
    """Writes the files beside the versions; each is there as a whole or not at all.

    Args:
        base: The folder of versions.
        name: What the model is called.
        manifest: What the newest version tells of itself.
        records: Requests that it answers.
        batched: Whether the version has parameters of batching.
    """
    samples = {each.signature: _sample(each) for each in reversed(records)}
    files = {_request_file(each): _rest(samples[each]) for each in samples}
    files["models.config"] = _MODELS.format(name=name)
    files["request.py"] = _grpc(name, samples[SERVING_DEFAULT])
    files["README.md"] = _readme(name, manifest, batched)
    for file, text in files.items():
        write_text(text, base / file)


def _request_file(signature: str) -> str:
    return "request.json" if signature == SERVING_DEFAULT else f"request_{signature}.json"


def _sample(record: Record) -> Record:
    return Record(record.signature, taken(record.inputs, slice(_ROWS)))


def _rest(sample: Record) -> str:
    rows = [
        {name: as_json(value.tolist()[row]) for name, value in sample.inputs.items()}
        for row in range(sample.rows)
    ]
    body = {"signature_name": sample.signature, "instances": rows}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def _grpc(name: str, sample: Record) -> str:
    lines = [
        f"    {column!r}: (tf.{_dtype(value)}, {_written(value.tolist())}),"
        for column, value in sample.inputs.items()
    ]
    return _GRPC.format(name=name, signature=sample.signature, inputs="\n".join(lines))


def _dtype(value: np.ndarray) -> str:
    return "string" if value.dtype == object else value.dtype.name


def _written(value: Any) -> str:
    """A value in Python's words, where NaN and infinity have no name of their own."""
    if isinstance(value, list):
        return f"[{', '.join(_written(each) for each in value)}]"
    special = isinstance(value, float) and not np.isfinite(value)
    return f'float("{value}")' if special else repr(value)


def _readme(name: str, manifest: Mapping[str, Any], batched: bool) -> str:
    lines = [
        f"| `{signature}` | {_names(told['inputs'])} | {_names(told['outputs'])} "
        f"| `{_request_file(signature)}` |"
        for signature, told in manifest["signatures"].items()
    ]
    return _README.format(
        name=name,
        tensorflow=manifest["versions"]["graph_tensorflow"],
        signatures="\n".join(lines),
        joined=_joined(JoinedCells.of_manifest(manifest)),
        batching=_BATCHING if batched else "",
        memory=manifest["size"]["memory_bytes"],
        swap=manifest["size"]["memory_bytes_while_swapped"],
    )


def _joined(joined: JoinedCells | None) -> str:
    if joined is None:
        return ""
    return _JOINED.format(
        signature=JOINED,
        input=FEATURES,
        count=len(joined.columns),
        mark=joined.mark,
        columns=", ".join(f"`{name}`" for name in joined.columns),
    )


def _names(tensors: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in tensors)
