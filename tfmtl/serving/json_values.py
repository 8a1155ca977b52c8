"""Values as TensorFlow Serving's REST interface writes them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any


def as_json(value: Any) -> Any:
    """A value, or nested lists of them: bytes as text, or as `{"b64": …}` if they are not UTF-8."""
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return in_base64(value)


def in_base64(value: bytes) -> dict[str, str]:
    """Bytes as `{"b64": …}`."""
    return {"b64": b64encode(value).decode("ascii")}
