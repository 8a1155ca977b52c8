"""Names of the layers that are made of what a config lists."""

from __future__ import annotations

from collections.abc import Iterable


def layer_names(given: Iterable[str]) -> list[str]:
    """A name for each: the one given, its place if there is none, both if it came before.

    EasyRec's configs may give one twice where nothing refers to it.

    >>> layer_names(["a", "", "a"])
    ['a', '1', 'a_2']
    """
    names: list[str] = []
    for place, name in enumerate(given):
        own = name or str(place)
        while own in names:
            own = f"{own}_{place}"
        names.append(own)
    return names
