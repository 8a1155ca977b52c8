"""Values for a field that are given as text, or as Python's values."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, message_factory, text_encoding, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tfmtl.config.edit_path import split

_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


class MessageError(ValueError):
    """Text that is not the message it should be."""


def to_value(field: FieldDescriptor, value: Any) -> Any:
    """Turns what was given into what the field holds, one of it if the field is a list.

    Raises:
        ValueError: It does not fit.
    """
    converted = _converted(field, value)
    _check_range(field, converted)
    return converted


def _converted(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type:
        return _message(field, value)
    if field.enum_type:
        return _enum(field, value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _boolean(value)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(value)
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return float(value)
    return _whole(value)


def to_values(field: FieldDescriptor, value: Any) -> list[Any]:
    """Turns a list, or text such as `[1, 2]`, into what a list field holds.

    Raises:
        ValueError: One of it does not fit.
    """
    return [to_value(field, each) for each in _elements(value)]


def _elements(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    text = value.strip() if isinstance(value, str) else ""
    if not (text.startswith("[") and text.endswith("]")):
        return [value]
    return [each.strip() for each in split(text[1:-1], ",") if each.strip()]


def _check_range(field: FieldDescriptor, value: Any) -> None:
    """Lets protobuf say whether a number is too large."""
    owner: Any = field.containing_type
    message_factory.GetMessageClass(owner)(**{field.name: [value] if field.is_repeated else value})


def _message(field: FieldDescriptor, value: Any) -> Message:
    kind: Any = field.message_type
    message = message_factory.GetMessageClass(kind)()
    try:
        if isinstance(value, dict):
            return json_format.ParseDict(value, message)
        return text_format.Merge(_without_braces(str(value).strip()), message)
    except (json_format.ParseError, text_format.ParseError) as error:
        raise MessageError(str(error).partition("\n")[0].rstrip(".")) from None


def _without_braces(text: str) -> str:
    return text[1:-1] if text.startswith("{") and text.endswith("}") else text


def _enum(field: FieldDescriptor, value: Any) -> int:
    kind: Any = field.enum_type
    if str(value) not in kind.values_by_name:
        raise ValueError(f"No such name: {value}")
    return kind.values_by_name[str(value)].number


def _boolean(value: Any) -> bool:
    if str(value) not in _BOOLEANS:
        raise ValueError(f"Neither true nor false: {value}")
    return _BOOLEANS[str(value)]


def _text(value: Any) -> str:
    """Text as it is; in quotes, with its escapes resolved."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text_encoding.CUnescape(text[1:-1]).decode()
    return text


def _whole(value: Any) -> int:
    """A whole number, which JSON may have as 50.0 and people as 1e6."""
    if isinstance(value, bool):
        raise ValueError("A boolean is not a number.")
    try:
        return int(value) if isinstance(value, str) else _exact(value)
    except ValueError:
        return _exact(float(value))


def _exact(value: float) -> int:
    if value != int(value):
        raise ValueError(f"Not whole: {value}")
    return int(value)
