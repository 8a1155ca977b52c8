"""Predict: named tensors in, named tensors out, as TensorFlow Serving's `predict_util.cc`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.serving.server import statuses
from tfmtl.serving.server.loaded_model import LoadedModel, checked

Arrays = Mapping[str, np.ndarray]

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_MOST_VALUES = 2**28  # Of a tensor, where one value may stand for all of them.

# Where a TensorProto has its values, by type.
_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.int64: "int64_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
}


def predict(
    model: LoadedModel,
    signature_name: str,
    inputs: Arrays,
    output_filter: Sequence[str] = (),
    timeout: float | None = None,
) -> dict[str, np.ndarray]:
    """Asks a signature.

    Args:
        model: The model.
        signature_name: Empty means `serving_default`.
        inputs: Tensors by input.
        output_filter: The outputs that are asked for; none means all.
        timeout: Seconds.

    Returns:
        Tensors by output.

    Raises:
        Failure: If the signature does not take that, or cannot answer.
    """
    signature = _signature(model, signature_name or DEFAULT)
    _check_inputs(signature.inputs, inputs)
    asked = _outputs(signature.outputs, output_filter)
    feeds = checked(signature.inputs, inputs)
    values = model.run(feeds, [signature.outputs[name].name for name in asked], timeout)
    return dict(zip(asked, values, strict=True))


def arrays_of(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """TensorProtos as arrays.

    Raises:
        Failure: If the bytes or numbers of one do not fit its shape.
    """
    return {name: _array(name, proto) for name, proto in tensors.items()}


def put(target: Mapping[str, Any], outputs: Arrays, as_content: bool = False) -> None:
    """Puts arrays into a message's map of TensorProtos.

    Args:
        target: The map.
        outputs: Tensors by name.
        as_content: Whether numbers become one field of bytes.
    """
    for name, value in outputs.items():
        dtype = tf.as_dtype(value.dtype)
        if as_content or dtype not in _FIELDS:
            target[name].CopyFrom(tf.make_tensor_proto(value))
            continue
        proto = target[name]
        proto.dtype = dtype.as_datatype_enum
        proto.tensor_shape.CopyFrom(tf.TensorShape(value.shape).as_proto())
        getattr(proto, _FIELDS[dtype]).extend(value.reshape(-1).tolist())


def _signature(model: LoadedModel, name: str) -> Any:
    if name not in model.signatures:
        raise statuses.failed_precondition(f'Serving signature key "{name}" not found.')
    signature = model.signatures[name]
    if not signature.inputs:
        raise statuses.invalid("Expected at least one input Tensor in prediction signature.")
    if not signature.outputs:
        raise statuses.invalid("Expected at least one output Tensor in prediction signature.")
    return signature


def _check_inputs(infos: Mapping[str, Any], inputs: Arrays) -> None:
    extra, missing = inputs.keys() - infos.keys(), infos.keys() - inputs.keys()
    if len(inputs) != len(infos):
        raise statuses.invalid(
            f"input size does not match signature: {len(inputs)}!={len(infos)} "
            f"len({_set(inputs)}) != len({_set(infos)}). "
            f"Sent extra: {_set(extra)}. Missing but required: {_set(missing)}."
        )
    if extra:
        raise statuses.invalid(
            f"input tensor alias not found in signature: {min(extra)}. "
            f"Inputs expected to be in the set {_set(infos)}."
        )


def _outputs(infos: Mapping[str, Any], output_filter: Sequence[str]) -> list[str]:
    for index, name in enumerate(output_filter):
        if name not in infos:
            raise statuses.invalid(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_set(infos)}."
            )
        if name in output_filter[:index]:
            raise statuses.invalid(f"duplicate output tensor alias: {name}")
    return list(output_filter) or sorted(infos)


def _set(names: Collection[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"


def _array(name: str, proto: Any) -> np.ndarray:
    try:
        sizes = [axis.size for axis in proto.tensor_shape.dim]
        if min(sizes, default=0) < 0 or np.prod(sizes, dtype=float) > _MOST_VALUES:
            raise ValueError("a shape that no tensor has")
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, KeyError) as error:
        raise statuses.invalid(f"tensor parsing error: {name}") from error
