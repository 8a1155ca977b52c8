"""What is wrong with an expression, with a caret under the character where it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

_WIDTH = 90  # Characters of a long expression that are shown.
_BEFORE = 60  # Of these, before the place.


class Mistake(NamedTuple):
    """Something wrong in an expression.

    Args:
        place: The number of the character where it is, from 0.
        rule: What follows "should".
    """

    place: int
    rule: str


class ExpressionError(ValueError):
    """An expression that cannot be used.

    Args:
        mistakes: What is wrong with it, in the order of the text.
    """

    def __init__(self, *mistakes: Mistake) -> None:
        told = (f"character {place + 1} should {rule}" for place, rule in mistakes)
        super().__init__(" ".join(told))
        self.mistakes = mistakes


def explain(text: str, mistakes: Sequence[Mistake]) -> str:
    """Shows the expression with what is wrong under it.

    Example:
    >>> print(explain("ctr * cvrr", [Mistake(6, "be a task.")]))
      ctr * cvrr
            ^ should be a task.
    """
    lines: list[str] = []
    shown = ""
    for mistake in mistakes:
        line, place = _window(text, mistake.place)
        if line != shown:
            lines.append(f"  {line}".rstrip())
            shown = line
        lines.append(f"  {' ' * _columns(line[:place])}^ should {mistake.rule}")
    return "\n".join(lines)


def _window(text: str, place: int) -> tuple[str, int]:
    """The line that a place is in, or the part of it around there, and the place in that."""
    start = text.rfind("\n", 0, place) + 1
    line = "".join(" " if each.isspace() else each for each in text[start:].partition("\n")[0])
    place -= start
    if len(line) <= _WIDTH:
        return line, place
    first = max(0, place - _BEFORE)
    front = "..." if first else ""
    back = "..." if first + _WIDTH < len(line) else ""
    return f"{front}{line[first : first + _WIDTH]}{back}", place - first + len(front)


def _columns(text: str) -> int:
    """How wide a terminal writes it: letters of East Asia are two columns, accents none."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
