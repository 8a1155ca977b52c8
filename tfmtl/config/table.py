"""Tables as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table_lines(rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    """Yields the lines of a table: the first column to the left, the others to the right.

    Args:
        rows: Its cells, the heads first.
        indent: What each line begins with.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield indent + "  ".join([first.ljust(widths[0]), *cells])
