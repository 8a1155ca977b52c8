"""How problems are worded: values as the config spells them, and the names that were meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

_LISTED = 24
_NEAREST = 5
_LONGEST = 60
_ALIKE = 0.6


class Word(str):
    """A word of the config that stands without quotes, such as the name of an enum's value."""


def show(value: Any) -> str:
    """Writes a value as a config would; None is "nothing"."""
    if value is None:
        return "nothing"
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(show(each) for each in value)}]"


def on_one_line(text: str) -> str:
    """A text of several lines as one, with a blank wherever there were several."""
    return " ".join(text.split())


def shortened(text: str) -> str:
    """A text as one line, and only the beginning of a long one."""
    line = on_one_line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def ticked(texts: Iterable[str]) -> str:
    """Joins what the config's own text has: "`a`, `b`"."""
    return ", ".join(f"`{text}`" for text in texts)


def one_of(names: Iterable[str]) -> str:
    """Joins names as alternatives: "a, b or c"."""
    *front, last = names
    return f"{', '.join(front)} or {last}" if front else last


def meant(name: str, known: Iterable[str]) -> str:
    """Asks whether the nearest known name was meant; "" if none is near."""
    nearest = _nearest(name, list(known))
    return f" Did you mean `{nearest[0]}`?" if nearest else ""


def suggest(name: str, known: Iterable[str]) -> str:
    """Says which name was probably meant, and which there are."""
    names = list(dict.fromkeys(known))
    return f"{meant(name, names)} Known: {_listing(names, _nearest(name, names))}."


def _nearest(name: str, known: Sequence[str]) -> Sequence[str]:
    """The known names most like a name, the likest first."""
    alike = sorted(((_likeness(name, each), each) for each in known), reverse=True)
    return [each for likeness, each in alike[:_NEAREST] if likeness >= _ALIKE]


def _likeness(name: str, known: str) -> float:
    """From 0 to 1; swapped words, swapped letters and a missing end count little."""
    if sorted(name) == sorted(known) or known.startswith(f"{name}_"):
        return 0.95
    as_written = difflib.SequenceMatcher(None, name, known).ratio()
    by_words = difflib.SequenceMatcher(None, _sorted_words(name), _sorted_words(known)).ratio()
    return max(as_written, 0.95 * by_words)


def _sorted_words(name: str) -> str:
    return "_".join(sorted(name.split("_")))


def _listing(names: Sequence[str], nearest: Sequence[str]) -> str:
    """All names, or a few of very many."""
    if not names:
        return "none"
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(nearest or names[:_NEAREST])}, ... ({len(names)} in all)"
