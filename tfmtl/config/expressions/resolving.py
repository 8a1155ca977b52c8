"""What the names of an expression mean, and whether its types fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from tfmtl.config.expressions.errors import ExpressionError, Mistake
from tfmtl.config.expressions.functions import OPERATORS, Signature, Type
from tfmtl.config.expressions.tree import Call, Name, Number, Tree
from tfmtl.config.wording import one_of, suggest


@dataclasses.dataclass(frozen=True)
class Variable:
    """What a name stands for.

    Args:
        type: Its type.
        parts: How many parts it has, `name[0]` and so on, which are numbers.
        refused: Why it cannot be used, what follows "should"; "" if it can.
    """

    type: Type = Type.NUMBER
    parts: int = 0
    refused: str = ""


@dataclasses.dataclass(frozen=True)
class Scope:
    """What an expression may use.

    Args:
        variables: Variables by their name, by their kind, such as `{"column": {"price": ...}}`.
        functions: Functions by name. Operators are always there.
    """

    variables: Mapping[str, Mapping[str, Variable]]
    functions: Mapping[str, Signature]

    @property
    def kinds(self) -> list[str]:
        """The kinds of names, which are the forms they may be written in."""
        return list(self.variables)

    def kinds_of(self, name: str) -> list[str]:
        """The kinds that have a name; those alone where it can be used, if there is one."""
        kinds = [kind for kind, variables in self.variables.items() if name in variables]
        usable = [kind for kind in kinds if not self.variables[kind][name].refused]
        return usable or kinds[:1]

    def usable(self, kinds: Iterable[str]) -> list[str]:
        """The names of some kinds that can be used."""
        return [
            name
            for kind in kinds
            for name, variable in self.variables[kind].items()
            if not variable.refused
        ]

    def signature(self, function: str) -> Signature | None:
        """What a function or operator takes and gives; None if there is none of this name."""
        return OPERATORS.get(function) or self.functions.get(function)


def resolve(tree: Tree, scope: Scope, wanted: Type = Type.NUMBER) -> Tree:
    """The tree with the kind of every name in it.

    Args:
        tree: What was parsed.
        scope: What it may use.
        wanted: What the whole should be.

    Raises:
        ExpressionError: If a name is not known or can be two things, or a type does not fit.
    """
    resolver = _Resolver(scope)
    resolved = resolver.of_type(tree, wanted)
    if resolver.mistakes:
        raise ExpressionError(*sorted(resolver.mistakes))
    return resolved


class _Resolver:
    """Walks down a tree and collects what is wrong."""

    def __init__(self, scope: Scope) -> None:
        self.mistakes: list[Mistake] = []
        self._scope = scope

    def of_type(self, tree: Tree, wanted: Type) -> Tree:
        """The resolved tree, which should be of a type."""
        resolved, its = self._visit(tree)
        if its is not None and its is not wanted:
            hint = f" Name one of them: `{tree.name}[1]`." if isinstance(tree, Name) else ""
            hint = hint if its is Type.CLASSES else ""
            self._wrong(tree.place, f"be {wanted.value}. Received: {its.value}.{hint}")
        return resolved

    def _visit(self, tree: Tree) -> tuple[Tree, Type | None]:
        """The resolved tree and its type; None if that is not known because of an error."""
        if isinstance(tree, Number):
            return tree, Type.NUMBER
        return self._call(tree) if isinstance(tree, Call) else self._name(tree)

    def _call(self, tree: Call) -> tuple[Tree, Type | None]:
        signature, count = self._scope.signature(tree.function), len(tree.arguments)
        if signature is None or not signature.takes(count):
            self._wrong(tree.place, self._uncallable(tree.function, signature, count))
            arguments = tuple(self._visit(each)[0] for each in tree.arguments)
        else:
            arguments = tuple(
                self.of_type(each, signature.type_of(index))
                for index, each in enumerate(tree.arguments)
            )
        resolved = dataclasses.replace(tree, arguments=arguments)
        return resolved, None if signature is None else signature.result

    def _uncallable(self, function: str, signature: Signature | None, count: int) -> str:
        if signature is None:
            known = [*self._scope.functions, *self._scope.kinds]
            return f"be a function.{suggest(function, known)}"
        least = len(signature.arguments)
        wanted = f"{least} or more" if signature.repeats else str(least)
        plural = "" if wanted == "1" else "s"
        return f"have {wanted} argument{plural}. Received: {count}."

    def _name(self, tree: Name) -> tuple[Tree, Type | None]:
        kind = self._kind(tree)
        if not kind:
            return tree, None
        variable, resolved = self._scope.variables[kind][tree.name], self._as(tree, kind)
        if variable.refused:
            self._wrong(tree.place, f"{variable.refused}.")
            return resolved, None
        if tree.part is None:
            return resolved, variable.type
        if not variable.parts:
            self._wrong(tree.place, f"be without [{tree.part}]: `{tree.name}` has no parts.")
        elif tree.part >= variable.parts:
            last = f"{tree.name}[{variable.parts - 1}]"
            self._wrong(tree.place, f"be one of `{tree.name}[0]` to `{last}`.")
        return resolved, Type.NUMBER

    def _kind(self, tree: Name) -> str:
        """What a name is; "" if it is nothing that is known, or could be two things."""
        if tree.kind:
            if tree.name in self._scope.variables[tree.kind]:
                return tree.kind
            known = self._scope.usable([tree.kind])
            self._wrong(tree.place, f"name a {tree.kind}.{suggest(tree.name, known)}")
            return ""
        kinds = self._scope.kinds_of(tree.name)
        if len(kinds) == 1:
            return kinds[0]
        if kinds:
            ways = one_of(f"`{kind}({tree.name})`" for kind in kinds)
            self._wrong(tree.place, f"be {ways}: there is each of them.")
        else:
            what = one_of(f"a {kind}" for kind in self._scope.kinds)
            known = self._scope.usable(self._scope.kinds)
            self._wrong(tree.place, f"be {what}.{suggest(tree.name, known)}")
        return ""

    @staticmethod
    def _as(tree: Name, kind: str) -> Name:
        return dataclasses.replace(tree, kind=kind)

    def _wrong(self, place: int, rule: str) -> None:
        self.mistakes.append(Mistake(place, rule))
