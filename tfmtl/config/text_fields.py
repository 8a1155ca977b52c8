"""Where the fields of a protobuf text stand.

Protobuf's own parser stops at the first field it does not know. This scanner finds every field with
its place, so that all unknown ones can be told at once and the rest of the text still be parsed.
"""

from __future__ import annotations

import dataclasses
import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>   (?: \s+ | \#[^\n]* )+ )
  | (?P<string>  "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
  | (?P<word>    [\w.] (?: [\w.] | (?<=[0-9.][eE]) [+-] )* )
  | (?P<mark>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"{": "}", "<": ">"}


class ScanError(ValueError):
    """Text that does not have the shape of fields. Protobuf's parser says why."""


@dataclasses.dataclass
class TextField:
    """A field in a text.

    Args:
        name: Its name.
        start: Where it begins.
        end: Where it ends, with the comma or semicolon after it.
        value: Its value as it is written.
        bodies: The fields of the messages in its value: one list for a message, several for a list
            of messages, none for numbers and words.
    """

    name: str
    start: int
    end: int
    value: str
    bodies: list[list[TextField]]

    def contains(self, place: int) -> bool:
        """Whether a place in the text is inside the field."""
        return self.start <= place < self.end


class Scan(NamedTuple):
    """What was found in a text.

    Args:
        fields: The fields.
        unclosed: Where brackets open that never close.
    """

    fields: list[TextField]
    unclosed: list[int]


def scan(text: str) -> Scan:
    """Finds the fields of a text, with the fields inside them.

    Raises:
        ScanError: Names or values are not where they should be.
    """
    tokens = _Tokens(text)
    fields = _fields(tokens, closing="")
    tokens.need(not tokens.ahead)
    return Scan(fields, tokens.unclosed)


def line_and_column(text: str, place: int) -> tuple[int, int]:
    """Line and column of a place in a text, both from 1."""
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)


def place_of(text: str, line: int, column: int) -> int:
    """The place of a line and a column: the inverse of `line_and_column`."""
    return sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1


def blank(text: str, field: TextField) -> str:
    """The text with spaces instead of a field; all else stays in its place."""
    hidden = re.sub(r"[^\n]", " ", text[field.start : field.end])
    return text[: field.start] + hidden + text[field.end :]


def token_at(text: str, place: int) -> str:
    """The token at a place of a text, with the sign of a number."""
    sign = "-" if text[place] == "-" else ""
    match = _TOKEN.match(text, place + len(sign))
    return sign + (match.group() if match else "")


class _Tokens:
    """The tokens of a text, read one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._matches = [each for each in _TOKEN.finditer(text) if each.lastgroup != "space"]
        self._next = 0
        self.unclosed: list[int] = []

    @property
    def ahead(self) -> str:
        """The next token; "" at the end."""
        return self._matches[self._next].group() if self._next < len(self._matches) else ""

    @property
    def start(self) -> int:
        """Where the next token begins."""
        return self._matches[self._next].start() if self.ahead else len(self.text)

    @property
    def passed(self) -> int:
        """Where the last token that was read ends."""
        return self._matches[self._next - 1].end()

    def is_ahead(self, kind: str) -> bool:
        """Whether the next token is a string, a word or a mark."""
        return bool(self.ahead) and self._matches[self._next].lastgroup == kind

    def take(self) -> str:
        """Reads a token."""
        token = self.ahead
        self._next += 1
        return token

    def skip(self, *marks: str) -> bool:
        """Reads the next token if it is one of these."""
        found = self.ahead in marks
        self._next += found
        return found

    def need(self, found: bool) -> None:
        """Gives up unless the text has what it should have here."""
        if not found:
            raise ScanError(f"Unexpected {self.ahead!r}.")


def _fields(tokens: _Tokens, closing: str) -> list[TextField]:
    """Reads fields up to a closing mark, or to the end."""
    fields = []
    while tokens.ahead not in (closing, ""):
        fields.append(_field(tokens))
    return fields


def _field(tokens: _Tokens) -> TextField:
    start = tokens.start
    tokens.need(tokens.is_ahead("word"))
    name = tokens.take()
    colon = tokens.skip(":")
    tokens.need(colon or tokens.ahead in ("{", "<", "["))
    value = tokens.start
    bodies = _value(tokens)
    written = tokens.text[value : tokens.passed]
    tokens.skip(",", ";")
    return TextField(name, start, tokens.passed, written, bodies)


def _value(tokens: _Tokens) -> list[list[TextField]]:
    """Reads a value and returns the messages in it."""
    if tokens.skip("["):
        return _list(tokens)
    if tokens.ahead in _CLOSING:
        return [_body(tokens)]
    _scalar(tokens)
    return []


def _list(tokens: _Tokens) -> list[list[TextField]]:
    if tokens.skip("]"):
        return []
    messages = _value(tokens)
    while tokens.skip(","):
        messages += _value(tokens)
    tokens.need(tokens.skip("]"))
    return messages


def _body(tokens: _Tokens) -> list[TextField]:
    opening = tokens.start
    closing = _CLOSING[tokens.take()]
    fields = _fields(tokens, closing)
    if not tokens.skip(closing):
        tokens.unclosed.append(opening)
    return fields


def _scalar(tokens: _Tokens) -> None:
    """Reads strings that stand side by side, a number or a word."""
    if tokens.is_ahead("string"):
        while tokens.is_ahead("string"):
            tokens.take()
        return
    tokens.skip("-")
    tokens.need(tokens.is_ahead("word"))
    tokens.take()
