"""Expressions over names that a config gives: read, checked and printed, never run as code.

    text ─ parse ─▶ tree ─ resolve ─▶ tree whose names say what they are ─▶ bounds, or a graph

The grammar knows no names and no functions but the operators' own: a `Scope` brings them, so that
a score over tasks and a feature over columns are the same language.
"""

from tfmtl.config.expressions.errors import ExpressionError, Mistake, explain
from tfmtl.config.expressions.functions import FUNCTIONS, OPERATORS, SMALLEST, Signature, Type
from tfmtl.config.expressions.parser import parse
from tfmtl.config.expressions.printing import printed
from tfmtl.config.expressions.ranges import Range, range_of
from tfmtl.config.expressions.resolving import Scope, Variable, resolve
from tfmtl.config.expressions.tokens import is_name
from tfmtl.config.expressions.tree import Call, Name, Number, Tree, names_in

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "SMALLEST",
    "Call",
    "ExpressionError",
    "Mistake",
    "Name",
    "Number",
    "Range",
    "Scope",
    "Signature",
    "Tree",
    "Type",
    "Variable",
    "explain",
    "is_name",
    "names_in",
    "parse",
    "printed",
    "range_of",
    "resolve",
]
