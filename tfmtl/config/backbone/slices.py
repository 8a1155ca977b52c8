"""`input_slice`: which part of its input a block reads, such as `[0]` or `[:, 1:]`."""

from __future__ import annotations

import re

_PART = re.compile(r"\s*(?:(-?\d+|i)|(-?\d*)\s*:\s*(-?\d*))\s*")

Index = tuple[int | slice, ...]


def parse_slice(text: str, place: int | None = None) -> Index:
    """The indices in brackets, one for each axis.

    Args:
        text: Whole numbers and ranges between brackets, as Python writes them.
        place: What `i` stands for; None if it may not be there.

    Raises:
        ValueError: If it is anything else.
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(text)
    return tuple(_part(part, place) for part in text[1:-1].split(","))


def _part(text: str, place: int | None) -> int | slice:
    match = _PART.fullmatch(text)
    if match is None or (match[1] == "i" and place is None):
        raise ValueError(text)
    if match[1] == "i":
        return place or 0
    if match[1]:
        return int(match[1])
    return slice(int(match[2]) if match[2] else None, int(match[3]) if match[3] else None)
