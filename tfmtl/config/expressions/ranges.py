"""Between which bounds the value of an expression must be, whatever the row: interval arithmetic.

A bound may be wider than what can come (`ctr - ctr` is from -1 to 1), never narrower. That is
enough to know that `ctr * cvr` can be read as a probability, and `ctr * price` cannot.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tfmtl.config.expressions.functions import SMALLEST
from tfmtl.config.expressions.tree import Call, Name, Number, Tree


class Range(NamedTuple):
    """The numbers from `low` to `high`, which may be infinite."""

    low: float = -math.inf
    high: float = math.inf

    def is_within(self, low: float, high: float) -> bool:
        """Whether it lies between two bounds, but for what floats round."""
        return low - _ROUNDING <= self.low and self.high <= high + _ROUNDING


_ROUNDING = 1e-9
_Rule = Callable[..., Range]
ANY = Range()


def range_of(tree: Tree, of_name: Callable[[Name], Range]) -> Range:
    """The range of a resolved tree of numbers.

    Args:
        tree: The tree.
        of_name: Tells the range of a name.
    """
    if isinstance(tree, Number):
        return Range(tree.value, tree.value)
    if isinstance(tree, Name):
        return of_name(tree)
    rule = _RULES.get(tree.function)
    if rule is None:
        return ANY
    return rule(*(range_of(each, of_name) for each in _numbers(tree)))


def _numbers(tree: Call) -> Sequence[Tree]:
    """The arguments that are numbers: all but the condition of `where`."""
    return tree.arguments[1:] if tree.function == "where" else tree.arguments


def _around(values: Sequence[float]) -> Range:
    """The range of the ends of a monotone operation; any number if one of them has no value."""
    return ANY if any(map(math.isnan, values)) else Range(min(values), max(values))


def _product(a: Range, b: Range) -> Range:
    # 0 times what is as large as you like is 0.
    return _around([0.0 if 0.0 in ends else ends[0] * ends[1] for ends in itertools.product(a, b)])


def _quotient(a: Range, b: Range) -> Range:
    if b.low <= 0.0 <= b.high:
        return ANY
    return _product(a, Range(1 / b.high, 1 / b.low))


def _power(a: Range, b: Range) -> Range:
    """With powers below 0 small numbers become large, and 0 becomes 0: no end bounds that."""
    if a.low < 0.0 or b.low < 0.0:
        return ANY
    return _around([_raised(base, exponent) for base, exponent in itertools.product(a, b)])


def _raised(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


def _log(a: Range) -> Range:
    return Range(math.log(max(a.low, SMALLEST)), math.log(max(a.high, SMALLEST)))


def _absolute(a: Range) -> Range:
    if a.low <= 0.0 <= a.high:
        return Range(0.0, max(-a.low, a.high))
    return _around([abs(a.low), abs(a.high)])


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _sigmoid(value: float) -> float:
    return 1 / (1 + _exp(-value))


def _least(*of: Range) -> Range:
    return Range(min(each.low for each in of), min(each.high for each in of))


def _largest(*of: Range) -> Range:
    return Range(max(each.low for each in of), max(each.high for each in of))


_RULES: Mapping[str, _Rule] = {
    "+": lambda a, b: Range(a.low + b.low, a.high + b.high),
    "-": lambda a, b: Range(a.low - b.high, a.high - b.low),
    "*": _product,
    "/": _quotient,
    "^": _power,
    "neg": lambda a: Range(-a.high, -a.low),
    "log": _log,
    "log1p": lambda a: _log(Range(a.low + 1, a.high + 1)),
    "exp": lambda a: Range(_exp(a.low), _exp(a.high)),
    "sqrt": lambda a: Range(math.sqrt(max(a.low, 0.0)), math.sqrt(max(a.high, 0.0))),
    "sigmoid": lambda a: Range(_sigmoid(a.low), _sigmoid(a.high)),
    "abs": _absolute,
    "min": _least,
    "max": _largest,
    "clip": lambda a, low, high: _least(_largest(a, low), high),
    "where": lambda a, b: Range(min(a.low, b.low), max(a.high, b.high)),
}
