"""Files of requests and answers in the form of TensorFlow Serving's warm-up files.

A TFRecord file of PredictionLog, see protos/prediction_log.proto. TensorFlow Serving's own package
reads and writes the same bytes; it is not needed here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfmtl.config.wording import on_one_line
from tfmtl.errors import ExportError
from tfmtl.protos.prediction_log_pb2 import PredictionLog
from tfmtl.serving.trial_requests import Request

Answer = dict[str, np.ndarray]  # Outputs by name.


@dataclasses.dataclass(frozen=True)
class Record:
    """A request and perhaps its answer.

    Args:
        signature: The signature that is asked.
        inputs: Tensors by input.
        outputs: Tensors by output; empty if the answer is not recorded.
    """

    signature: str
    inputs: Request
    outputs: Answer = dataclasses.field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.inputs.values())))


def write_records(path: Path, records: Iterable[Record], model: str) -> None:
    """Writes the records, as requests to a model of that name."""
    with tf.io.TFRecordWriter(str(path)) as file:
        for record in records:
            file.write(_log_of(record, model).SerializeToString(deterministic=True))


def read_records(path: Path) -> list[Record]:
    """Reads what `write_records`, or TensorFlow Serving, wrote.

    Raises:
        ExportError: If the file is broken or holds something else.
    """
    try:
        records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        return [_record_of(data) for data in records]
    except (tf.errors.OpError, DecodeError, ValueError) as error:
        raise ExportError(
            f"`{path}` should be a TFRecord file of PredictionLog messages of Predict. "
            f"Received: {on_one_line(str(error))}."
        ) from error


def request_bytes(record: Record, model: str) -> int:
    """The size of the Predict request, as it goes over the wire.

    Args:
        record: The request.
        model: What it calls the model.
    """
    return int(_log_of(record, model).predict_log.request.ByteSize())


def _log_of(record: Record, model: str) -> PredictionLog:
    log = PredictionLog()
    request, response = log.predict_log.request, log.predict_log.response
    request.model_spec.name = model
    request.model_spec.signature_name = record.signature
    _put(request.inputs, record.inputs)
    if record.outputs:
        _put(response.outputs, record.outputs)
    return log


def _put(target: Mapping[str, bytes], tensors: Mapping[str, np.ndarray]) -> None:
    for name, value in tensors.items():
        target[name] = tf.make_tensor_proto(value).SerializeToString()  # type: ignore[index]


def _record_of(data: bytes) -> Record:
    log = PredictionLog.FromString(data)
    if not log.HasField("predict_log"):
        raise ValueError("another kind of record")
    request, response = log.predict_log.request, log.predict_log.response
    signature = (
        request.model_spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    )
    return Record(signature, _taken(request.inputs), _taken(response.outputs))


def _taken(tensors: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    return {
        name: tf.make_ndarray(TensorProto.FromString(data))
        for name, data in sorted(tensors.items())
    }
