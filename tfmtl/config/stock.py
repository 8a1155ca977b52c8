"""Features and columns that come together from several files, and where each comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from tfmtl.config.places import Places


class Origin(NamedTuple):
    """A part of a file: the file's places, and the part's path in it."""

    places: Places
    path: str

    @property
    def place(self) -> str:
        """File, line and column."""
        return self.places.at(self.path)

    def part(self, path: str) -> Origin:
        """A part of this part, such as `.embedding_dim`."""
        return self._replace(path=f"{self.path}{path}")


class Item(NamedTuple):
    """A feature or a column.

    Args:
        name: Its name.
        message: What it is.
        origin: Where it is defined.
        changes: What changed it on the way, by field.
        damaged: Paths of what could not be read of it; "" for itself.
    """

    name: str
    message: Any
    origin: Origin
    changes: Mapping[str, Origin]
    damaged: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        """Where it is defined, and where it was changed."""
        changed = sorted({each.place for each in self.changes.values()})
        return ", changed at ".join([self.origin.place, *changed])

    def origin_of(self, path: str) -> Origin:
        """Where a part of it, such as `.embedding_dim`, is defined or was changed."""
        field = path.removeprefix(".").partition(".")[0].partition("[")[0]
        return self.changes.get(field, self.origin).part(path)


@dataclasses.dataclass
class Stock:
    """What a file and its imports hold, by name."""

    columns: dict[str, Item] = dataclasses.field(default_factory=dict)
    features: dict[str, Item] = dataclasses.field(default_factory=dict)

    @property
    def unread_columns(self) -> list[str]:
        """The columns that no feature reads, such as labels."""
        read = {name for each in self.features.values() for name in each.message.input_names}
        return [name for name in self.columns if name not in read]
