"""Whether a config asks for what tfmtl ignores or refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from tfmtl.config.known_fields import known_field, told
from tfmtl.config.problems import Problem, Report
from tfmtl.config.wording import one_of


def check_support(message: Message, report: Report, path: str = "") -> None:
    """Reports every field that is set to more than its default and has no effect.

    Args:
        message: A config, or a part of it.
        report: Takes refused fields as problems, ignored ones as warnings.
        path: Where the part stands.
    """
    for field, value in message.ListFields():
        where = f"{path}.{field.name}" if path else field.name
        known = known_field(message.DESCRIPTOR.full_name, field.name)
        if known is None:
            _check_values(field, value, report, where)
        elif _says_something(field, value):
            text = f"`{where}` is {told(known)}."
            if known.status == "ignored":
                report.warnings.append(text)
            else:
                report.problems.append(Problem(where, text))


def _says_something(field: FieldDescriptor, value: Any) -> bool:
    """Whether a value is other than the default; a message says something by being there."""
    return field.is_repeated or field.message_type is not None or value != field.default_value


def _check_values(field: FieldDescriptor, value: Any, report: Report, path: str) -> None:
    """Checks what stands in a field that is built."""
    for where, each in _elements(field, value, path):
        if field.enum_type:
            _check_enum(field.enum_type, each, report, where)
        elif isinstance(each, Message):
            check_support(each, report, where)


def _elements(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not field.is_repeated:
        yield path, value
        return
    for index, each in enumerate(value):
        yield f"{path}[{index}]", each


def _check_enum(enum: EnumDescriptor, number: int, report: Report, path: str) -> None:
    name = enum.values_by_number[number].name
    known = known_field(enum.full_name, name)
    if known:
        rule = f"`{path}` should be {one_of(built_values(enum))}. Received: {name}, which is "
        report.problems.append(Problem(path, f"{rule}{told(known)}."))


def built_values(enum: EnumDescriptor) -> Sequence[str]:
    """The names of the values of an enum that are built."""
    return [each.name for each in enum.values if not known_field(enum.full_name, each.name)]


def built_fields(message: Any) -> Sequence[str]:
    """The names of the fields of a message's descriptor that are built."""
    return [each.name for each in message.fields if not known_field(message.full_name, each.name)]
