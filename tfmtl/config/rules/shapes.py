"""Shapes of what flows through a backbone, and what a layer may be fed.

A shape is without the batch: `(16,)` is a vector of 16, `(12, 16)` are 12 vectors stacked, and
`(None, 16)` a sequence. What flows is a shape, a list of such, or None if a problem of it is told
already.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tfmtl.config.backbone.wiring import Place
from tfmtl.config.problems import Report
from tfmtl.config.wording import Word

Shape = tuple[int | None, ...]
Value = Any

_LIST = "such as an input_layer with `only_output_feature_list` gives"


def described(value: Value) -> str:
    """What flows, in words."""
    if isinstance(value, list) and len(value) > 1 and all(map(is_vector, value)):
        return f"a list of vectors of {', '.join(str(width) for (width,) in value)}"
    if isinstance(value, list):
        return f"a list of {', '.join(map(described, value))}" if value else "an empty list"
    if is_vector(value):
        return f"a vector of {value[0]}"
    if value[0] is None:
        return f"a sequence of {value[1]}"
    return f"{value[0]} vectors of {value[1]}"


def is_vector(value: Value) -> bool:
    """Whether it is one vector."""
    return isinstance(value, tuple) and len(value) == 1


def is_shape(value: Value) -> bool:
    """Whether it is one tensor that is as large in every row."""
    return isinstance(value, tuple) and None not in value


def is_unknown(value: Value) -> bool:
    """Whether a problem of it, or of something in it, is told already."""
    return value is None or (isinstance(value, list) and any(map(is_unknown, value)))


def last_axis(value: Value) -> Value:
    """The width of a shape, or of each in a list."""
    return list(map(last_axis, value)) if isinstance(value, list) else value[-1]


class Fed(NamedTuple):
    """What a layer is fed, where it stands, and where its problems go.

    What it is read as is what was fed, or None, which is a problem, if that is something else.
    """

    value: Value
    place: Place
    report: Report

    def should(self, rule: str) -> None:
        """Adds a problem of what was fed."""
        self.report.should(self.place.path, rule, Word(described(self.value)))

    def at(self, field: str) -> Fed:
        """The same, fed to a part of the layer."""
        return self._replace(place=self.place.at(field))

    def as_dense(self) -> Shape | None:
        """A vector, or vectors that are treated alike."""
        if is_shape(self.value):
            return self.value
        self.should("read a vector")
        return None

    def as_vector(self) -> int | None:
        """The width of a vector."""
        if is_vector(self.value):
            return self.value[0]
        self.should("read a vector")
        return None

    def as_vectors(self, least: int = 1) -> list[int] | None:
        """The widths of a list of vectors."""
        value = self.value
        if isinstance(value, list) and len(value) >= least and all(map(is_vector, value)):
            return [each[0] for each in value]
        several = "two or more vectors" if least > 1 else "the features' vectors"
        self.should(f"read {several} as a list, {_LIST}")
        return None

    def as_alike(self) -> list[int] | None:
        """The widths of two vectors or more, which are one."""
        widths = self.as_vectors(least=2)
        if widths is None or len(set(widths)) == 1:
            return widths
        self.should("read vectors of one width")
        return None

    def as_joined(self, axis: int) -> Shape | None:
        """The shape of several that are joined on an axis, of which 0 is the batch."""
        if any(isinstance(each, list) for each in self.value):
            self.should("join vectors, and no lists of them")
            return None
        ranks = {len(each) for each in self.value}
        at = axis - 1 if axis > 0 else axis
        if len(ranks) != 1 or axis == 0 or not -min(ranks) <= at < min(ranks):
            self.should("be joined on an axis that all have")
            return None
        first = list(self.value[0])
        rest = [[size for i, size in enumerate(each) if i != at % len(each)] for each in self.value]
        if any(each != rest[0] for each in rest) or any(None in each for each in self.value):
            self.should("differ in the axis alone on which they are joined")
            return None
        first[at] = sum(each[at] for each in self.value)
        return tuple(first)
