"""The order of things that read each other, and the circles in which there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Reads = Mapping[str, Iterable[str]]


def ordered(reads: Reads, starts: Iterable[str]) -> list[str]:
    """Some names and all that they read, at once or by way of others, each behind what it reads.

    Args:
        reads: What each name reads, in no circle. Names that are not in it read nothing.
        starts: The names to start from.
    """
    names, _ = _walk(reads, starts)
    return names


def circle(reads: Reads) -> list[str]:
    """A way from a name over those that it reads back to itself; [] if there is none."""
    _, way = _walk(reads, reads)
    return way


def _walk(reads: Reads, starts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names in their order, as far as there is one, and the first circle."""
    done: dict[str, None] = {}
    for start in starts:
        # A walk that keeps its own way, because chains may be longer than Python's stack.
        way: dict[str, Iterator[str]] = {}
        if start not in done:
            way[start] = iter(reads.get(start, ()))
        while way:
            name = next(reversed(way))
            ahead = next(way[name], None)
            if ahead is None:
                done[name] = None
                del way[name]
            elif ahead in way:
                names = list(way)
                return list(done), [*names[names.index(ahead) :], ahead]
            elif ahead not in done:
                way[ahead] = iter(reads.get(ahead, ()))
    return list(done), []
