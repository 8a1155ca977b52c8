"""What the cells of a column look like."""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
import re

import numpy as np

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_ZEROS_IN_FRONT = re.compile(r"[+-]?0\d+")
_TRUTH = {"true", "false"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Profile:
    """A column, by the cells that were seen of it.

    Attributes:
        name: Its name.
        cells: The cells, as text.
        stored: What the file holds: `text`, `whole`, `number` or `truth`.
        is_all: Whether these are all cells there are.
    """

    name: str
    cells: list[str]
    stored: str
    is_all: bool

    @functools.cached_property
    def values(self) -> list[str]:
        """The cells that are not empty, without spaces around them. NaN counts as empty."""
        return [text for cell in self.cells if (text := cell.strip()) and text.lower() != "nan"]

    @functools.cached_property
    def counts(self) -> collections.Counter[str]:
        """How often there is each value."""
        return collections.Counter(self.values)

    @property
    def empty(self) -> int:
        """How many cells are empty."""
        return len(self.cells) - len(self.values)

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self.counts)

    @functools.cached_property
    def is_truth(self) -> bool:
        """Whether the values are true and false."""
        return all(value.lower() in _TRUTH for value in self.counts)

    @functools.cached_property
    def is_number(self) -> bool:
        """Whether the values are numbers, and not codes such as 007."""
        return all(is_number(value) for value in self.counts)

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers."""
        return self.is_number and bool((self.numbers == np.floor(self.numbers)).all())

    @functools.cached_property
    def is_written_whole(self) -> bool:
        """Whether a column of whole numbers can read the cells: no point, and no NaN, in any."""
        written = {text for cell in set(self.cells) if (text := cell.strip())}
        return self.is_number and all(map(_WHOLE.fullmatch, written))

    def without_infinite(self) -> Profile:
        """The same with NaN for what is infinite, if the other values are numbers."""
        infinite = {each for each in set(self.cells) if _INFINITE.fullmatch(each.strip())}
        cells = ["nan" if cell in infinite else cell for cell in self.cells]
        other = dataclasses.replace(self, cells=cells)
        return other if infinite and other.values and other.is_number else self

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """The values as numbers, if they are."""
        return np.array([float(value) for value in self.values])

    @functools.cached_property
    def happened(self) -> np.ndarray:
        """The rows in which there is something: a value, and neither 0 nor false."""
        nothing = {each for each in set(self.cells) if _is_nothing(each.strip())}
        return np.array([cell not in nothing for cell in self.cells])

    @property
    def told(self) -> str:
        """Its values in some words."""
        words = f"{self.distinct:,} values in {len(self.cells):,} rows"
        return f"{words}, {self.empty / len(self.cells):.0%} empty" if self.empty else words


def _is_nothing(text: str) -> bool:
    return text.lower() in ("", "nan", "false") or (is_number(text) and float(text) == 0)


def is_number(text: str) -> bool:
    """Whether a text is a finite number, and not a code such as 007."""
    if _NUMBER.fullmatch(text) is None or _ZEROS_IN_FRONT.fullmatch(text) is not None:
        return False
    return math.isfinite(float(text))
