"""Cells that hold several values: which text separates them, and what they are."""

from __future__ import annotations

import collections
import dataclasses
import functools

from tfmtl.proposal.profile import Profile, is_number

_SEPARATORS = ("|", ";", "\x01", "\x02", "\t", ",", " ")
_KV_SEPARATORS = (":", "=")
# A text is a list if so many of the cells have its separator.
_LEAST_SHARE = 0.1
# Words between spaces are a list if a cell has so many.
_LEAST_WORDS = 3


@dataclasses.dataclass(frozen=True)
class Lists:
    """A column whose cells are lists.

    Attributes:
        separator: The text between two values.
        kv_separator: The text between a value and its weight; "" without weights.
        cells: The values of each cell that is not empty, without weights.
    """

    separator: str
    kv_separator: str
    cells: list[list[str]]

    @functools.cached_property
    def counts(self) -> collections.Counter[str]:
        """How often there is each value."""
        return collections.Counter(value for cell in self.cells for value in cell)

    @property
    def longest(self) -> int:
        """The most values of a cell."""
        return max(map(len, self.cells))

    @property
    def has_repetition(self) -> bool:
        """Whether a cell has a value twice, as a history has and a set has not."""
        return any(len(set(cell)) < len(cell) for cell in self.cells)

    @property
    def vector_size(self) -> int:
        """How many numbers every cell has, if the cells are vectors; or else 0."""
        (size, *others) = {len(cell) for cell in self.cells}
        fractions = sum("." in value for cell in self.cells for value in cell)
        is_vector = not others and size > 1 and 2 * fractions > size * len(self.cells)
        return size if is_vector and all(map(is_number, self.counts)) else 0


def lists_of(profile: Profile) -> Lists | None:
    """The lists that a column's cells are; None if they are not."""
    separator = next((each for each in _SEPARATORS if _separates(profile, each)), "")
    if not separator:
        return None
    cells = [[text for text in value.split(separator) if text] for value in profile.values]
    cells = [cell for cell in cells if cell]
    if not cells:
        return None  # Separators with nothing between them.
    for mark in _KV_SEPARATORS:
        if mark != separator and all(_is_weighted(text, mark) for cell in cells for text in cell):
            bare = [[text.partition(mark)[0] for text in cell] for cell in cells]
            return Lists(separator, mark, bare)
    return Lists(separator, "", cells)


def _separates(profile: Profile, mark: str) -> bool:
    """Whether a text stands between values, and not in a text such as `New York`."""
    values = profile.values
    if not any(mark in value for value in profile.counts):
        return False
    marked = sum(mark in value for value in values) >= _LEAST_SHARE * len(values)
    if mark in ",;":  # Prose has a space after them.
        return marked and not any(f"{mark} " in value for value in profile.counts)
    if mark == " ":
        return sum(len(value.split()) for value in values) >= _LEAST_WORDS * len(values)
    return marked


def _is_weighted(text: str, mark: str) -> bool:
    value, found, weight = text.partition(mark)
    return bool(value and found) and is_number(weight)
