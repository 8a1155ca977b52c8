"""From the words of an expression to its tree, by binding powers (Pratt 1973).

    or  <  and  <  not  <  < <= > >= == !=  <  + -  <  * /  <  -x  <  ^

Operators of one power go from left to right, `^` from right to left, and comparisons do not chain.
`^` binds tighter than the minus before it: `-a ^ -b ^ c` is `-(a ^ (-(b ^ c)))`.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from tfmtl.config.expressions.errors import ExpressionError, Mistake
from tfmtl.config.expressions.tokens import Token, tokens
from tfmtl.config.expressions.tree import Call, Name, Number, Tree

# Trees are walked by functions that call themselves; this keeps far below what Python allows.
LONGEST = 10_000
DEEPEST = 100

# What binds how tight.
BINARY = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "^": 8,
}
NOT, COMPARISON, NEGATIVE = 3, 4, 7
_LARGEST = 3.4e38  # Of the numbers of 32 bits.


def parse(text: str, forms: Collection[str] = ()) -> Tree:
    """Reads an expression.

    Args:
        text: The expression.
        forms: The kinds of names, such as `column`. A name may be written `column(price)` or
            `column("price (EUR)")`; inside of quotes two quotes stand for one.

    Raises:
        ExpressionError: With the place of the first mistake. Nothing else, whatever the text is.
    """
    if len(text) > LONGEST:
        rule = f"be the end: an expression has at most {LONGEST:,} characters."
        raise ExpressionError(Mistake(LONGEST, rule))
    return _Parser(tokens(text), forms).parse()


class _Parser:
    """Goes through the words once."""

    def __init__(self, words: list[Token], forms: Collection[str]) -> None:
        self._words = words
        self._forms = forms
        self._next = 0

    def parse(self) -> Tree:
        tree = self._expression(0, 1)
        if self._word.kind != "end":
            raise self._unexpected("be an operator or the end")
        return tree

    @property
    def _word(self) -> Token:
        return self._words[self._next]

    def _take(self) -> Token:
        self._next += 1
        return self._words[self._next - 1]

    def _expression(self, power: int, depth: int) -> Tree:
        """The longest tree from here on whose operators have at least this power."""
        if depth > DEEPEST:
            raise _too_deep(self._word)
        left = self._operand(power, depth)
        while self._word.kind == "sign" and BINARY.get(self._word.text, -1) >= power:
            sign = self._take()
            # A second `^` belongs to the right side, as does a minus before it.
            its = BINARY[sign.text]
            right = self._expression(NEGATIVE if sign.text == "^" else its + 1, depth + 1)
            left = _called(sign, sign.text, (left, right))
            if its == COMPARISON == BINARY.get(self._word.text) and self._word.kind == "sign":
                rule = "not follow another comparison. Join the two with `and`."
                raise ExpressionError(Mistake(self._word.place, rule))
        return left

    def _operand(self, power: int, depth: int) -> Tree:
        """What stands before, between and after operators that take two."""
        word = self._take()
        if word.is_sign("-"):
            return _called(word, "neg", (self._expression(NEGATIVE, depth + 1),))
        if word.is_sign("not"):
            if power > NOT:
                raise ExpressionError(Mistake(word.place, "be in parentheses: (not ...)."))
            return _called(word, "not", (self._expression(NOT, depth + 1),))
        if word.is_sign("("):
            tree = self._expression(0, depth + 1)
            self._close(word, ")", "be an operator or")
            return tree
        if word.kind == "number":
            return _number(word)
        if word.kind == "name":
            return self._named(word, depth)
        self._next -= 1
        raise self._unexpected("be a number, a name, a function or `(`")

    def _named(self, word: Token, depth: int) -> Tree:
        """A name, its part, or a function."""
        if not self._word.is_sign("("):
            return self._part(Name(word.text, place=word.place))
        opening = self._take()
        if word.text in self._forms:
            name = self._take()
            if name.kind not in ("name", "quoted"):
                self._next -= 1
                raise self._unexpected("be a name, in quotes if it is no plain word")
            self._close(opening, ")", "be")
            return self._part(Name(name.text, word.text, place=word.place))
        arguments = self._arguments(depth)
        self._close(opening, ")", "be an operator, `,` or")
        return _called(word, word.text, arguments)

    def _arguments(self, depth: int) -> tuple[Tree, ...]:
        if self._word.is_sign(")"):
            return ()
        arguments = [self._expression(0, depth + 1)]
        while self._word.is_sign(","):
            self._take()
            arguments.append(self._expression(0, depth + 1))
        return tuple(arguments)

    def _part(self, name: Name) -> Name:
        """`name[2]`."""
        if not self._word.is_sign("["):
            return name
        opening, number = self._take(), self._take()
        if not (number.kind == "number" and number.text.isdecimal() and len(number.text) < 10):
            self._next -= 1
            raise self._unexpected("be a whole number")
        self._close(opening, "]", "be")
        return Name(name.name, name.kind, int(number.text), name.place)

    def _close(self, opening: Token, bracket: str, rule: str) -> None:
        if self._word.kind == "end":
            raise ExpressionError(Mistake(opening.place, f"be closed by `{bracket}`."))
        if not self._word.is_sign(bracket):
            raise self._unexpected(f"{rule} `{bracket}`")
        self._take()

    def _unexpected(self, rule: str) -> ExpressionError:
        word = self._word
        received = "the end" if word.kind == "end" else f"`{word.text}`"
        return ExpressionError(Mistake(word.place, f"{rule}. Received: {received}."))


def _called(word: Token, function: str, arguments: tuple[Tree, ...]) -> Tree:
    call = Call(function, arguments, word.place)
    if call.height > DEEPEST:
        raise _too_deep(word)
    return call


def _too_deep(word: Token) -> ExpressionError:
    return ExpressionError(Mistake(word.place, f"not be more than {DEEPEST} operations deep."))


def _number(word: Token) -> Number:
    value = float(word.text)
    if not (math.isfinite(value) and value <= _LARGEST):
        rule = f"be at most {_LARGEST:g}. Received: {word.text}."
        raise ExpressionError(Mistake(word.place, rule))
    return Number(value, word.place)
