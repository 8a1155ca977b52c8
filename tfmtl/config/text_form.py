"""Reading protobuf's text format, and all that is wrong with a text at once.

What cannot be read (a field that does not exist, a word where a number should be) is reported and
blanked out, and the rest is read all the same.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from tfmtl.config.parsed import (
    M,
    Parsed,
    is_harmless,
    join,
    unjudged,
    unknown_field,
    wrong_value,
)
from tfmtl.config.places import Places
from tfmtl.config.text_fields import (
    Scan,
    ScanError,
    TextField,
    blank,
    place_of,
    scan,
    token_at,
)
from tfmtl.protos import catalogue_pb2, pipeline_pb2


class _Known(NamedTuple):
    """A field of the text that exists in the config language.

    Args:
        field: The field.
        owner: Path of the message it is in.
        descriptor: What it holds.
        elements: Its path; of a list, the paths of the elements that are given here.
    """

    field: TextField
    owner: str
    descriptor: FieldDescriptor
    elements: list[str]

    @property
    def path(self) -> str:
        return join(self.owner, self.field.name)

    @property
    def holds_fields(self) -> bool:
        return bool(self.field.bodies) and self.descriptor.message_type is not None


class _Unknown(NamedTuple):
    """A field of the text that does not."""

    field: TextField
    owner: str
    message: Any


class _Found(NamedTuple):
    """A problem, the place it was found at and the message it was found in."""

    place: int
    owner: str
    sentence: str


def parse_text(text: str, source: str) -> Parsed[pipeline_pb2.Pipeline]:
    """Reads a config in text format.

    As in EasyRec, of a field given twice the last value counts, and messages given twice are
    merged.

    Args:
        text: The config.
        source: Its file, for messages.
    """
    return _TextParser(text, source, pipeline_pb2.Pipeline()).parse()


def parse_catalogue(text: str, source: str) -> Parsed[catalogue_pb2.FeatureCatalogue]:
    """Reads a file of features in text format; see `parse_text`."""
    return _TextParser(text, source, catalogue_pb2.FeatureCatalogue()).parse()


class _TextParser(Generic[M]):
    """One text, on its way to a config."""

    def __init__(self, text: str, source: str, message: M) -> None:
        self._text = text
        self._source = source
        self._parsed = Parsed(message, Places(source, text))
        self._found: list[_Found] = []

    def parse(self) -> Parsed[M]:
        found = self._scan()
        fields = list(
            _walk(found.fields, self._parsed.message.DESCRIPTOR, "", collections.Counter())
        )
        known = [each for each in fields if isinstance(each, _Known)]
        self._parsed.places.starts.update(_starts(known))
        self._warn_of_repetition(known)
        self._remove_unknown([each for each in fields if isinstance(each, _Unknown)])
        if found.unclosed:
            self._give_up_unclosed(found.unclosed[0])
        else:
            self._merge([each for each in known if not each.holds_fields])
        for place, owner, sentence in sorted(self._found):
            self._parsed.add_problem(self._at(place), owner, sentence)
        return self._parsed

    def _give_up_unclosed(self, place: int) -> None:
        """Tells of an open bracket, and only of the first field that does not belong in it."""
        self._parsed.give_up(self._at(place), "This bracket is never closed.")
        self._found = sorted(each for each in self._found if each.place > place)[:1]

    def _scan(self) -> Scan:
        try:
            return scan(self._text)
        except ScanError:
            return Scan([], [])  # Protobuf's parser says what is wrong, and where.

    def _remove_unknown(self, fields: Sequence[_Unknown]) -> None:
        for field, owner, message in fields:
            if not is_harmless(message, field.name, field.value):
                sentence = unknown_field(message, owner, field.name)
                self._found.append(_Found(field.start, owner, sentence))
                self._parsed.damaged |= unjudged(message, field.name)
            self._text = blank(self._text, field)

    def _merge(self, leaves: list[_Known]) -> None:
        """Parses; at a value that does not fit its field reports it, and parses without it."""
        while True:
            try:
                text_format.Merge(self._text, self._parsed.message)
                return
            except text_format.ParseError as error:
                self._parsed.message.Clear()
                place = self._place_of(error)
                wrong = next((each for each in leaves if each.field.contains(place)), None)
                if wrong is None:
                    self._parsed.give_up(*self._syntax_error(error))
                    return
                leaves.remove(wrong)
                self._remove_wrong(wrong, place)

    def _place_of(self, error: text_format.ParseError) -> int:
        """Where protobuf's parser stopped; -1 if it does not say."""
        line, column = error.GetLine(), error.GetColumn()
        return place_of(self._text, line, column) if line and column else -1

    def _remove_wrong(self, wrong: _Known, place: int) -> None:
        value = wrong.field.value
        received = token_at(self._text, place) if value.startswith("[") else value
        sentence = wrong_value(wrong.descriptor, wrong.path, received)
        self._found.append(_Found(place, wrong.owner, sentence))
        self._text = blank(self._text, wrong.field)

    def _syntax_error(self, error: text_format.ParseError) -> tuple[str, str]:
        """Place and sentence of protobuf's own message, without the line that it quotes."""
        line, column = error.GetLine(), error.GetColumn()
        if not line:
            return self._source, str(error)
        quoted = self._text.split("\n")[line - 1]
        told = str(error).removeprefix(f"{line}:{column} : ")
        for quote in (f"'{quoted}': ", "'': "):  # At the end of the text it quotes nothing.
            told = told.removeprefix(quote)
        return f"{self._source}:{line}:{column}", f"{told.rstrip('.')}."

    def _warn_of_repetition(self, fields: Sequence[_Known]) -> None:
        """Tells where a value is overridden by a later one, which rarely is meant."""
        for (owner, name), places in _by_what_they_set(fields).items():
            if len(places) > 1:
                last = places[-1].field
                outcome = "they are merged" if last.bodies else "the last one counts"
                if last.name != name:
                    outcome = f"the last one, `{last.name}`, counts"
                self._parsed.report.warnings.append(
                    f"{self._at(last.start)}: `{join(owner, name)}` is set {len(places)} times; "
                    f"{outcome}."
                )

    def _at(self, place: int) -> str:
        return self._parsed.places.at_start(place)


def _walk(
    fields: Sequence[TextField], message: Any, owner: str, seen: collections.Counter[str]
) -> Iterator[_Known | _Unknown]:
    """Yields fields in their places, and the fields inside those that are known.

    Args:
        fields: The fields.
        message: What they are fields of.
        owner: Its path.
        seen: How many elements there were so far of each list, by its path.
    """
    for field in fields:
        descriptor = message.fields_by_name.get(field.name)
        if descriptor is None:
            yield _Unknown(field, owner, message)
            continue
        path = join(owner, field.name)
        elements = [path]
        if descriptor.is_repeated:
            first = seen[path]
            seen[path] += len(field.bodies) or 1
            elements = [f"{path}[{index}]" for index in range(first, seen[path])]
        yield _Known(field, owner, descriptor, elements)
        bodies = field.bodies if descriptor.message_type else []
        for body, element in zip(bodies, elements, strict=False):
            yield from _walk(body, descriptor.message_type, element, seen)


def _starts(fields: Sequence[_Known]) -> dict[str, int]:
    """Where fields begin, by their paths; lists by those of their elements, too."""
    return {path: each.field.start for each in fields for path in (each.path, *each.elements)}


def _by_what_they_set(fields: Sequence[_Known]) -> dict[tuple[str, str], list[_Known]]:
    """Groups the fields that can be set only once by themselves, or by their oneof."""
    groups: dict[tuple[str, str], list[_Known]] = collections.defaultdict(list)
    for each in fields:
        if not each.descriptor.is_repeated:
            oneof = each.descriptor.containing_oneof
            groups[each.owner, oneof.name if oneof else each.field.name].append(each)
    return groups
