"""JSON as TensorFlow Serving reads and writes it: by RapidJSON, with NaN and infinities."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import rapidjson

from tfmtl.serving.server import statuses

_B64 = "b64"
_WRITE_MODE: Any = rapidjson.WM_PRETTY | rapidjson.WM_SINGLE_LINE_ARRAY
_AT_OFFSET = re.compile(r"Parse error at offset (\d+): (.*)", re.DOTALL)


def parse(body: bytes) -> Any:
    """The value that a body holds.

    Raises:
        Failure: If it is no JSON.
    """
    try:
        return rapidjson.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _parse_error("Invalid encoding in string.", str(error.start)) from error
    except (rapidjson.JSONDecodeError, RecursionError) as error:
        match = _AT_OFFSET.match(str(error))
        offset, words = match.groups() if match else ("0", str(error))
        raise _parse_error(words, offset) from error
    except ValueError as error:  # A text with half of a surrogate pair, a number of 5,000 digits.
        raise _parse_error(str(error), "0") from error


def written(value: Any) -> str:
    """JSON text, with lists in one line."""
    return rapidjson.dumps(value, ensure_ascii=False, indent=4, write_mode=_WRITE_MODE)


def error_body(message: str) -> str:
    """The body of an answer that tells a failure."""
    return f'{{ "error": {rapidjson.dumps(message, ensure_ascii=False)} }}'


def type_name(value: Any) -> str:
    """What RapidJSON calls a value's type."""
    if value is True or value is False:
        return str(value)
    names = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def is_binary(value: Any) -> bool:
    """Whether a value is `{"b64": …}`."""
    return isinstance(value, dict) and value.keys() == {_B64}


def decoded(value: Any) -> bytes:
    """The bytes of a `{"b64": …}`.

    Raises:
        Failure: If it is no base64.
    """
    text = value[_B64]
    if not isinstance(text, str):
        raise type_error(text, "string")
    try:
        return base64.b64decode(_padded("".join(text.split())), validate=True)
    except (binascii.Error, ValueError) as error:
        raise statuses.invalid("Unable to base64 decode") from error


def type_error(value: Any, expected: str) -> statuses.Failure:
    """What is said of a value of another type."""
    return statuses.invalid(
        f"JSON Value: {written(value)} Type: {type_name(value)} is not of expected type: {expected}"
    )


def _padded(text: str) -> str:
    text = text.rstrip("=")
    return text + "=" * (-len(text) % 4)


def _parse_error(words: str, offset: str) -> statuses.Failure:
    return statuses.invalid(f"JSON Parse error: {words} at offset: {offset}")
