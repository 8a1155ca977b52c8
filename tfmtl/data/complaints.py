"""What is wrong with a row: the rule, what came, and what would do, in one line."""

from __future__ import annotations

from collections.abc import Callable

from tfmtl.data import kinds
from tfmtl.data.columns import Column
from tfmtl.data.dialect import BadLine
from tfmtl.data.frame_cells import as_bytes
from tfmtl.data.layout import Layout

FIX = "Fix it, or set `data_config.bad_rows: SKIP` to leave such rows out."
_LONGEST = 80
_SEPARATORS = (",", "\t", ";", "|", "\x01", " ")


def about_line(layout: Layout, line: str) -> str:
    """Says what is wrong with a line of a CSV file that `layout` cannot decode."""
    try:
        cells = layout.dialect.split(line)
    except BadLine as problem:
        return f"{problem}. Received: {quote(line)}. {FIX}"
    if len(cells) != len(layout.names):
        return _about_count(layout, line, len(cells))
    texts = dict(zip(layout.names, cells, strict=True))
    return next(
        about_cell(column, texts[column.name])
        for column in layout.columns
        if texts[column.name] and not column.kind.takes(texts[column.name])
    )


def about_cell(column: Column, text: str) -> str:
    """Says that a cell is not of its column's type."""
    return f"column `{column.name}` should be {column.kind}. Received: {quote(text)}. " + _advice(
        column, text
    )


def quote(text: str) -> str:
    """A text as it stands in a message: in quotes, and no longer than a line."""
    return f'"{shorten(text)}"'


def shorten(text: str) -> str:
    """A text as it stands in a message: on one line, and no longer."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in short)


def guess_separator(line: str, fits: Callable[[list[str]], bool]) -> str | None:
    """The usual separator that splits a line into fitting cells, or None."""
    return next((mark for mark in _SEPARATORS if fits(line.split(mark))), None)


def _advice(column: Column, text: str) -> str:
    if text.strip() == column.name:
        return (
            "It looks like a header: set `data_config.with_header: true` if it is the file's "
            "first line, or delete it."
        )
    if column.kind.pattern is None and as_bytes(text) is None:
        return f"Half of a surrogate pair cannot be written as UTF-8. {FIX}"
    if column.kind.pattern is None:
        return "Join the values of a list with their feature's `separator`."
    wider = kinds.name_wider(column.kind, text)
    if wider:
        return f"Declare the column `input_type: {wider}`, or fix the cell."
    return FIX


def _about_count(layout: Layout, line: str, received: int) -> str:
    wanted = len(layout.names)
    words = f"expected {wanted} columns. Received: {received if line else 'an empty line'}. "
    separator = guess_separator(line, lambda cells: 1 < len(cells) == wanted)
    if separator:
        return words + f"Split at {separator!r} it has {wanted}: set `data_config.separator`."
    return words + FIX
