"""What comes out of reading a config's text, whichever form it has."""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tfmtl.config.known_fields import known_field, told
from tfmtl.config.places import Places
from tfmtl.config.problems import Problem, Report
from tfmtl.config.support import built_fields, built_values
from tfmtl.config.wording import meant, one_of, shortened, suggest

M = TypeVar("M", bound=Message)

# What reads groups of its own: where it is refused, nobody can say which groups there should be.
_READS_GROUPS = {("DBMTL", "bottom_cmbf"), ("DBMTL", "bottom_uniter")}

_KINDS = {
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_FLOAT: "a number",
    FieldDescriptor.TYPE_INT64: "a whole number",
    FieldDescriptor.TYPE_INT32: "a whole number from -2147483648 to 2147483647",
    FieldDescriptor.TYPE_UINT64: "a whole number of 0 or more",
    FieldDescriptor.TYPE_UINT32: "a whole number from 0 to 4294967295",
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_STRING: "text in quotes",
}


@dataclasses.dataclass
class Parsed(Generic[M]):
    """A config, with what was wrong with its text.

    Args:
        message: What could be read.
        places: Where each part of it stands.
        report: Problems and warnings.
        damaged: Paths of the messages in which something could not be read, and of the lists of
            which therefore nothing can be said.
        complete: Whether the text was read to its end.
    """

    message: M
    places: Places
    report: Report = dataclasses.field(default_factory=Report)
    damaged: set[str] = dataclasses.field(default_factory=set)
    complete: bool = True

    def add_problem(self, place: str, owner: str, sentence: str) -> None:
        """Adds a problem that leaves the message `owner` without one of its fields.

        Args:
            place: Where in which file.
            owner: Path of the message.
            sentence: The problem.
        """
        self.damaged.add(owner)
        self.report.problems.append(Problem(owner, f"{place}: {sentence}"))

    def give_up(self, place: str, sentence: str) -> None:
        """Adds a problem that ends the reading."""
        self.complete = False
        self.add_problem(place, "", sentence)


def join(path: str, name: str) -> str:
    """The path of a field in the message at `path`."""
    return f"{path}.{name}" if path else name


def unknown_field(message: Any, path: str, name: str) -> str:
    """Says that a message has no such field: the reason, or the name that was meant."""
    where = f"`{join(path, name)}`"
    known = known_field(message.full_name, name)
    if known:
        return f"{where} is {told(known)}."
    return f"{where} is not a field of {message.name}.{suggest(name, built_fields(message))}"


def unjudged(message: Any, name: str) -> set[str]:
    """The paths of which nothing can be said, because a message has no such field."""
    is_reader = (message.name, name) in _READS_GROUPS
    return {"model_config.feature_groups"} if is_reader else set()


def is_harmless(message: Any, name: str, value: str) -> bool:
    """Whether an unknown field stands there with a value that changes nothing."""
    known = known_field(message.full_name, name)
    return known is not None and known.harmless == (value.strip("\"'") or "''") != ""


def wrong_value(field: FieldDescriptor, path: str, received: str) -> str:
    """Says what a field holds, when it was given something else."""
    hint = ""
    if field.enum_type:
        hint = meant(received.strip("\"'"), built_values(field.enum_type))
    return f"`{path}` should be {kind(field)}. Received: {shortened(received)}.{hint}"


def kind(field: FieldDescriptor) -> str:
    """Says what a field holds, such as "a whole number of 0 or more"."""
    if field.enum_type:
        return one_of(built_values(field.enum_type))
    if field.message_type:
        return "a message, { ... }"
    return _KINDS[field.type]
