"""What an expression is once it is read: a tree, equal to another that says the same."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import TypeAlias


@dataclasses.dataclass(frozen=True)
class Number:
    """A constant.

    Args:
        value: It, at least 0: a minus is an operator.
        place: Where it stands in the text.
    """

    value: float
    place: int = dataclasses.field(default=0, compare=False)
    height = 1


@dataclasses.dataclass(frozen=True)
class Name:
    """Something that has a value in each row, or a part of it.

    Args:
        name: Its name.
        kind: What it is, such as `column`; "" as long as nobody has said.
        part: The number of the part, `name[part]`; None for all of it.
        place: Where it stands in the text.
    """

    name: str
    kind: str = ""
    part: int | None = None
    place: int = dataclasses.field(default=0, compare=False)
    height = 1


@dataclasses.dataclass(frozen=True)
class Call:
    """A function of other trees. An operator is one as well, called by its sign; `-x` is `neg`.

    Args:
        function: Its name.
        arguments: What it is of.
        place: Where its name or sign stands in the text.
    """

    function: str
    arguments: tuple[Tree, ...]
    place: int = dataclasses.field(default=0, compare=False)

    @functools.cached_property
    def height(self) -> int:
        """Number of nodes on the longest way down."""
        return 1 + max((each.height for each in self.arguments), default=0)


Tree: TypeAlias = Number | Name | Call


def names_in(tree: Tree) -> Iterator[Name]:
    """Yields the names of a tree, from left to right."""
    if isinstance(tree, Name):
        yield tree
    elif isinstance(tree, Call):
        for argument in tree.arguments:
            yield from names_in(argument)
