"""What operators and functions take and give."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

# A logarithm takes what is less for this, the smallest normal float32: no logarithm is below -87.4.
SMALLEST = 2.0**-126


class Type(enum.Enum):
    """What a tree is in each row."""

    NUMBER = "a number"
    BOOLEAN = "a truth value, such as `price > 10`"
    CLASSES = "the probabilities of several classes"


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a function takes and gives.

    Args:
        arguments: Types of its arguments.
        result: Type of its value.
        repeats: Whether it takes any number of further arguments of the last one's type.
    """

    arguments: tuple[Type, ...]
    result: Type = Type.NUMBER
    repeats: bool = False

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        return count == len(self.arguments) or (self.repeats and count > len(self.arguments))

    def type_of(self, index: int) -> Type:
        """The type of an argument."""
        return self.arguments[min(index, len(self.arguments) - 1)]


_N, _B = Type.NUMBER, Type.BOOLEAN
_OF_ONE, _OF_TWO = Signature((_N,)), Signature((_N, _N))

OPERATORS: Mapping[str, Signature] = {
    **dict.fromkeys(("+", "-", "*", "/", "^"), _OF_TWO),
    "neg": _OF_ONE,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), Signature((_N, _N), _B)),
    **dict.fromkeys(("and", "or"), Signature((_B, _B), _B)),
    "not": Signature((_B,), _B),
}
# What may be called by name. This list is all there is: nothing else can be run from a config.
FUNCTIONS: Mapping[str, Signature] = {
    **dict.fromkeys(("log", "log1p", "exp", "sqrt", "sigmoid", "abs"), _OF_ONE),
    **dict.fromkeys(("min", "max"), Signature((_N, _N), repeats=True)),
    "clip": Signature((_N, _N, _N)),
    "where": Signature((_B, _N, _N)),
}
