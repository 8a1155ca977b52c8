"""Reading protobuf's JSON form, and all that is wrong with it at once."""

from __future__ import annotations

import collections
import json
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor

from tfmtl.config.parsed import (
    Parsed,
    is_harmless,
    join,
    unjudged,
    unknown_field,
    wrong_value,
)
from tfmtl.config.places import Places
from tfmtl.protos import pipeline_pb2

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def parse_json(text: str, source: str) -> Parsed[pipeline_pb2.Pipeline]:
    """Reads a config in JSON. Fields may be spelled `batch_size` or `batchSize`.

    Args:
        text: The config.
        source: Its file, for messages.
    """
    parser = _JsonParser(source)
    try:
        data = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        parser.parsed.give_up(f"{source}:{error.lineno}:{error.colno}", f"{error.msg}.")
        return parser.parsed
    return parser.parse(data)


class _Object(dict[str, Any]):
    """An object, and the names that it has more than once, of which the last counts.

    Args:
        pairs: Its names and values, as they are written.
    """

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        written = list(pairs)
        super().__init__(written)
        self.names = [name for name, _ in written]


class _JsonParser:
    """One JSON document, on its way to a config."""

    def __init__(self, source: str) -> None:
        self.parsed = Parsed(pipeline_pb2.Pipeline(), Places(source))
        self._source = source

    def parse(self, data: Any) -> Parsed[pipeline_pb2.Pipeline]:
        if not isinstance(data, _Object):
            received = json.dumps(data, ensure_ascii=False)
            sentence = f"A config should be a JSON object. Received: {received}."
            self.parsed.give_up(self._source, sentence)
            return self.parsed
        readable = self._message(data, pipeline_pb2.Pipeline.DESCRIPTOR, "")
        json_format.ParseDict(readable, self.parsed.message)
        return self.parsed

    def _message(self, data: _Object, message: Any, path: str) -> dict[str, Any]:
        """Returns the part of an object that protobuf can read, and reports the rest."""
        readable = {}
        self._warn_of_repetition(data, message, path)
        for name, value in data.items():
            field = _field_named(name, message)
            if field is None:
                self._report_unknown(message, path, name, value)
            elif value is not None:
                readable[field.name] = self._field(field, value, path)
        readable = {name: value for name, value in readable.items() if value is not None}
        self._keep_last_of_oneofs(readable, message, path)
        return readable

    def _warn_of_repetition(self, data: _Object, message: Any, path: str) -> None:
        """Tells of fields that are given twice, in one spelling or in both."""
        fields = [_field_named(name, message) for name in data.names]
        for name, times in collections.Counter(field.name for field in fields if field).items():
            if times > 1:
                self._warn_of_last(join(path, name), times, "the last one counts")

    def _warn_of_last(self, path: str, times: int, outcome: str) -> None:
        warning = f"{self._source}: `{path}` is set {times} times; {outcome}."
        self.parsed.report.warnings.append(warning)

    def _keep_last_of_oneofs(self, readable: dict[str, Any], message: Any, path: str) -> None:
        """Drops what a later field of the same oneof overrides, which rarely is meant."""
        for oneof in message.oneofs:
            members = {field.name for field in oneof.fields}
            *overridden, last = [name for name in readable if name in members] or [""]
            for name in overridden:
                del readable[name]
            if overridden:
                times, outcome = len(overridden) + 1, f"the last one, `{last}`, counts"
                self._warn_of_last(join(path, oneof.name), times, outcome)

    def _report_unknown(self, message: Any, path: str, name: str, value: Any) -> None:
        name = _CAMEL.sub(r"_\1", name).lower()
        written = value if isinstance(value, str) else json.dumps(value)
        if not is_harmless(message, name, written):
            self.parsed.add_problem(self._source, path, unknown_field(message, path, name))
            self.parsed.damaged |= unjudged(message, name)

    def _field(self, field: FieldDescriptor, value: Any, owner: str) -> Any:
        path = join(owner, field.name)
        if not field.is_repeated:
            return self._value(field, value, owner, path)
        values = value if isinstance(value, list) else [value]
        read = [
            self._value(field, each, owner, f"{path}[{index}]") for index, each in enumerate(values)
        ]
        return [each for each in read if each is not None]

    def _value(self, field: FieldDescriptor, value: Any, owner: str, path: str) -> Any:
        """Returns what protobuf can read of a value; None if that is nothing."""
        if isinstance(value, _Object) and _is_own_message(field):
            return self._message(value, field.message_type, path)
        if _fits(field, value):
            return value
        sentence = wrong_value(field, path, json.dumps(value, ensure_ascii=False))
        self.parsed.add_problem(self._source, owner, sentence)
        return None


def _field_named(name: str, message: Any) -> FieldDescriptor | None:
    """A field by its name, or by that in camel case; None if there is none."""
    return message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)


def _is_own_message(field: FieldDescriptor) -> bool:
    """Whether a field holds a message of tfmtl; others, such as Struct, have JSON of their own."""
    kind = field.message_type
    return kind is not None and kind.full_name.startswith("tfmtl.")


def _fits(field: FieldDescriptor, value: Any) -> bool:
    owner: Any = field.containing_type
    message = message_factory.GetMessageClass(owner)()
    try:
        json_format.ParseDict({field.name: [value] if field.is_repeated else value}, message)
    except json_format.ParseError:
        return False
    return True
