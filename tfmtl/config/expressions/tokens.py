"""The words that an expression is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tfmtl.config.expressions.errors import ExpressionError, Mistake

# Words that are operators. As a column's name they are quoted: `column("not")`.
KEYWORDS = ("and", "or", "not")

_TOKEN = re.compile(
    r"""
      (?P<space>  \s+ )
    | (?P<number> (?: [0-9]+\.?[0-9]* | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    | (?P<name>   [^\W\d]\w* )
    | (?P<quoted> "(?: [^"] | "" )*" | '(?: [^'] | '' )*' )
    | (?P<wrong>  \*\* | && | \|\| | <> )
    | (?P<sign>   <= | >= | == | != | [-+*/^()\[\],<>&|] )
    """,
    re.VERBOSE,
)
_MEANT: Mapping[str, str] = {
    "**": "be `^`, the sign of a power",
    "&&": "be `and`",
    "||": "be `or`",
    "<>": "be `!=`",
    "=": "be `==`, which compares",
    "!": "be `not`",
    '"': "be a quote that is closed",
    "'": "be a quote that is closed",
}
_SAME = {"&": "and", "|": "or"}


class Token(NamedTuple):
    """A word.

    Args:
        kind: `number`, `name`, `quoted`, `sign` or `end`.
        text: It; without its quotes if it is quoted.
        place: Where it begins.
    """

    kind: str
    text: str
    place: int

    def is_sign(self, text: str) -> bool:
        """Whether it is an operator or a bracket of this text."""
        return self.kind == "sign" and self.text == text


def tokens(text: str) -> list[Token]:
    """The words of a text, and at last one of kind `end`.

    Raises:
        ExpressionError: At a character that no word begins with.
    """
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        kind = match.lastgroup if match else None
        if match is None or kind is None or kind == "wrong":
            wrong = match[0] if match else text[place]
            rule = _MEANT.get(wrong, "be a part of an expression")
            raise ExpressionError(Mistake(place, f"{rule}. Received: `{wrong}`."))
        if kind != "space":
            found.append(_token(kind, match[0], place))
        place = match.end()
    return [*found, Token("end", "", len(text))]


def is_name(text: str) -> bool:
    """Whether a text can be written as a name, without quotes."""
    match = _TOKEN.fullmatch(text)
    return match is not None and match.lastgroup == "name" and text not in KEYWORDS


def _token(kind: str, text: str, place: int) -> Token:
    if kind == "quoted":
        return Token(kind, text[1:-1].replace(text[0] * 2, text[0]), place)
    if text in KEYWORDS or text in _SAME:
        return Token("sign", _SAME.get(text, text), place)
    return Token(kind, text, place)
