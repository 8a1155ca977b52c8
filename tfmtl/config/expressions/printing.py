"""From a tree back to text, with no more parentheses than it needs."""

from __future__ import annotations

from tfmtl.config.expressions.parser import BINARY, NEGATIVE, NOT
from tfmtl.config.expressions.tokens import is_name
from tfmtl.config.expressions.tree import Call, Name, Number, Tree

_ATOM = 9  # Binds tighter than every operator.
_PREFIXES = {"neg": ("-", NEGATIVE), "not": ("not ", NOT)}


def printed(tree: Tree) -> str:
    """The text of a tree; parsed again it is the same tree.

    Example:
    >>> printed(parse("a*((b+c))^-2"))
    'a * (b + c) ^ -2'
    """
    return _written(tree)[0]


def _written(tree: Tree) -> tuple[str, int]:
    """A tree's text, and the power of what holds it together."""
    if isinstance(tree, Number):
        return _digits(tree.value), _ATOM
    if isinstance(tree, Name):
        return _name(tree), _ATOM
    if tree.function in _PREFIXES:
        sign, power = _PREFIXES[tree.function]
        return f"{sign}{_within(tree.arguments[0], power)}", power
    if tree.function in BINARY:
        return _binary(tree)
    arguments = ", ".join(printed(each) for each in tree.arguments)
    return f"{tree.function}({arguments})", _ATOM


def _binary(tree: Call) -> tuple[str, int]:
    power = BINARY[tree.function]
    is_power, is_comparison = tree.function == "^", power == BINARY["<"]
    left = _within(tree.arguments[0], power + (is_power or is_comparison))
    right = _within(tree.arguments[1], NEGATIVE if is_power else power + 1)
    return f"{left} {tree.function} {right}", power


def _within(tree: Tree, power: int) -> str:
    """A tree's text as a part of something that needs a power of at least this."""
    text, its = _written(tree)
    return text if its >= power else f"({text})"


def _digits(value: float) -> str:
    return str(int(value)) if value.is_integer() and value < 1e15 else repr(value)


def _name(tree: Name) -> str:
    text = tree.name
    if tree.kind:
        quoted = '"' + tree.name.replace('"', '""') + '"'
        text = f"{tree.kind}({tree.name if is_name(tree.name) else quoted})"
    return text if tree.part is None else f"{text}[{tree.part}]"
