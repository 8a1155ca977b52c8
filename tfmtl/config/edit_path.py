"""Paths of overrides, such as `feature_configs[input_names[0]=brand].embedding_dim`.

    path      =  step { "." step }
    step      =  name [ "[" selector "]" ]
    selector  =  number  |  [ number ] ":" [ number ]  |  path operator value
    operator  =  "="  |  ">"  |  "<"  |  ">="  |  "<="

A selector chooses among the values of a list: one by its place (negative ones count from the end),
several by a slice, or all whose own field compares so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_STEP = re.compile(r"(\w+)(?:\[(.*)\])?", re.DOTALL)
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?")
_COMPARISON = re.compile(r"(.+?)\s*(>=|<=|==|=|>|<)\s*(.*)", re.DOTALL)


class PathError(ValueError):
    """A path that does not have the shape of one."""


class Comparison(NamedTuple):
    """Chooses the messages whose field at `path` compares so with `value`."""

    path: list[Step]
    operator: str
    value: str


class Step(NamedTuple):
    """A field, and which of its values are meant; None for the field as a whole."""

    name: str
    selector: int | slice | Comparison | None
    text: str


def split(text: str, separator: str) -> list[str]:
    """Splits at a character, but not inside brackets, braces or quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        depth += not quote and ((character in "[{") - (character in "]}"))
        if character == separator and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def parse_path(text: str) -> list[Step]:
    """Reads a path.

    Raises:
        PathError: It is none.
    """
    return [_step(part.strip()) for part in split(text, ".")]


def _step(text: str) -> Step:
    match = _STEP.fullmatch(text)
    if not match:
        raise PathError(f"{text!r} should be a field, or a field with a selector in brackets")
    name, selector = match.groups()
    return Step(name, None if selector is None else _selector(selector.strip()), text)


def _selector(text: str) -> int | slice | Comparison:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if match := _SLICE.fullmatch(text):
        first, last = (None if each is None else int(each) for each in match.groups())
        return slice(first, last)
    if match := _COMPARISON.fullmatch(text):
        path, operator, value = match.groups()
        return Comparison(parse_path(path), operator, value.strip("\"'"))
    raise PathError(f"[{text}] should be a place, a slice or a comparison")
