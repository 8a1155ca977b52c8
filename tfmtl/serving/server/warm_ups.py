"""What a version is asked before anyone else asks: the requests in its warm-up file.

A request that fails makes the version fail to load, as in TensorFlow Serving.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from tfmtl.serving.manifest import EXTRA_FOLDER
from tfmtl.serving.server import examples, predicting, statuses
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.warmup import WARMUP_FILE

_MOST = 1000


def warm_up(model: LoadedModel, folder: Path, times: int = 1) -> int:
    """Asks everything that the version's file holds.

    Args:
        model: The version.
        folder: Its folder.
        times: How often each is asked.

    Returns:
        The number of requests in the file; 0 if there is none.

    Raises:
        Failure: If a request fails, or the file is broken or too long.
    """
    path = folder / EXTRA_FOLDER / WARMUP_FILE
    if not path.is_file():
        return 0
    count = 0
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        count += 1
        if count > _MOST:
            raise statuses.invalid(
                f"Number of warmup records exceeds the maximum ({_MOST}) at {path}"
            )
        for _ in range(times):
            _ask(model, _log_of(record, path))
    return count


def _log_of(record: bytes, path: Path) -> prediction_log_pb2.PredictionLog:
    try:
        return prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise statuses.invalid(f"Failed to parse warmup record: ({error}) from {path}") from error


def _ask(model: LoadedModel, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        asked = log.predict_log.request
        inputs = predicting.arrays_of(asked.inputs)
        name = asked.model_spec.signature_name
        predicting.predict(model, name, inputs, list(asked.output_filter))
    elif kind == "classify_log":
        request = log.classify_log.request
        examples.classify(model, request.model_spec.signature_name, request.input)
    elif kind == "regress_log":
        request = log.regress_log.request
        examples.regress(model, request.model_spec.signature_name, request.input)
    elif kind == "multi_inference_log":
        examples.infer(model, log.multi_inference_log.request)
    else:
        raise statuses.unimplemented(f"Unsupported log_type for warmup: {kind}")
