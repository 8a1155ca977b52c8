"""What a call may end with: TensorFlow's own errors, as a server tells them."""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2

Failure: TypeAlias = tf.errors.OpError

OK = "OK"

_TYPES = {tf.float16: "half", tf.float32: "float", tf.float64: "double"}

_HTTP = {
    tf.errors.CANCELLED: 499,
    tf.errors.UNKNOWN: 500,
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.DEADLINE_EXCEEDED: 504,
    tf.errors.NOT_FOUND: 404,
    tf.errors.ALREADY_EXISTS: 409,
    tf.errors.PERMISSION_DENIED: 403,
    tf.errors.UNAUTHENTICATED: 401,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.ABORTED: 409,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.UNIMPLEMENTED: 501,
    tf.errors.INTERNAL: 500,
    tf.errors.UNAVAILABLE: 503,
    tf.errors.DATA_LOSS: 500,
}


def invalid(message: str) -> Failure:
    """A request that cannot be answered whatever the server's state."""
    return tf.errors.InvalidArgumentError(None, None, message)


def not_found(message: str) -> Failure:
    """A model or version that there is not."""
    return tf.errors.NotFoundError(None, None, message)


def failed_precondition(message: str) -> Failure:
    """A request that the model or the server is not made for."""
    return tf.errors.FailedPreconditionError(None, None, message)


def unimplemented(message: str) -> Failure:
    """A request of a kind that is not served."""
    return tf.errors.UnimplementedError(None, None, message)


def data_loss(message: str) -> Failure:
    """A file that is broken."""
    return tf.errors.DataLossError(None, None, message)


def unknown(message: str) -> Failure:
    """Something that went wrong on the server's side."""
    return tf.errors.UnknownError(None, None, message)


def unavailable(message: str) -> Failure:
    """A request that may be answered if it comes again later."""
    return tf.errors.UnavailableError(None, None, message)


def exhausted(message: str) -> Failure:
    """A request that is too large, or one too many."""
    return tf.errors.ResourceExhaustedError(None, None, message)


def as_failure(error: Exception) -> Failure:
    """Any error as a failure."""
    if isinstance(error, tf.errors.OpError):
        return error
    return tf.errors.InternalError(None, None, f"{type(error).__name__}: {error}")


def type_name(dtype: tf.DType) -> str:
    """What the runtime calls a type."""
    return _TYPES.get(dtype, dtype.name)


def code_name(failure: Failure | None) -> str:
    """`INVALID_ARGUMENT`, say; `OK` of none."""
    return error_codes_pb2.Code.Name(failure.error_code) if failure else OK


def http_status(failure: Failure) -> int:
    """HTTP's number for it."""
    return _HTTP.get(failure.error_code, 500)


def told(failure: Failure) -> str:
    """`INVALID_ARGUMENT: what is wrong`."""
    return f"{code_name(failure)}: {failure.message}"
