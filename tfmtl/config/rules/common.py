"""Rules that several parts of a config share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from tfmtl.config.problems import Report
from tfmtl.config.wording import one_of

# What TensorFlow lets the names in a signature, and those of layers, be made of.
_NAME = re.compile(r"[A-Za-z0-9_.\-/]+")
_LAYER_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/]*")


class Rule(Protocol):
    """What the value of one field should be."""

    def __call__(self, report: Report, path: str, value: Any, *, of: str = "") -> None:
        """Reports a value that is not."""


def check_name(report: Report, path: str, name: str, *, of: str = "") -> None:
    """A name that is served is made of plain characters."""
    if not _NAME.fullmatch(name):
        report.should(path, "be made of letters, digits and `_ . - /`", name or None, of=of)


def check_layer_name(report: Report, path: str, name: str, *, of: str = "") -> None:
    """A name that becomes a layer's begins with a letter or a digit, too."""
    if not _LAYER_NAME.fullmatch(name):
        rule = "be made of letters, digits and `_ . - /`, a letter or digit first"
        report.should(path, rule, name or None, of=of)


def check_unique(report: Report, placed: Iterable[tuple[str, str]]) -> None:
    """No name is given twice.

    Args:
        report: Takes the problems.
        placed: Paths and names; a path without a name is not looked at.
    """
    first: dict[str, str] = {}
    for path, name in placed:
        if name and name in first:
            report.should(path, f"have a name other than that of `{first[name]}`", name)
        first.setdefault(name, path)


def check_at_least(report: Report, path: str, value: float, least: float, *, of: str = "") -> None:
    """A number is not below another, and is a number."""
    if not (value >= least and math.isfinite(value)):
        report.should(path, f"be at least {least:g}", value, of=of)


def check_above(report: Report, path: str, value: float, bound: float, *, of: str = "") -> None:
    """A number is above another, and finite."""
    if not (value > bound and math.isfinite(value)):
        report.should(path, f"be above {bound:g}", value, of=of)


def check_share(report: Report, path: str, value: float, *, of: str = "") -> None:
    """A number is a share of a whole that leaves something: in [0, 1)."""
    if not 0 <= value < 1:
        report.should(path, "be at least 0 and below 1", value, of=of)


def check_positive(report: Report, path: str, value: float, *, of: str = "") -> None:
    """A number is above 0, and finite."""
    check_above(report, path, value, 0, of=of)


def check_not_negative(report: Report, path: str, value: float, *, of: str = "") -> None:
    """A number is not below 0, and is a number."""
    check_at_least(report, path, value, 0, of=of)


def check_fields(
    report: Report, path: str, message: Any, rules: Mapping[str, Rule], *, of: str = ""
) -> None:
    """Whatever the message, a parameter of the same name obeys the same rule.

    Args:
        report: Takes the problems.
        path: Where the message stands.
        message: The message, which has some of the fields.
        rules: The rules by field, in the order in which they are looked at.
        of: Whose message it is.
    """
    for field, rule in rules.items():
        if field in message.DESCRIPTOR.fields_by_name:
            rule(report, f"{path}.{field}", getattr(message, field), of=of)


def chosen(report: Report, path: str, message: Any, oneof: str, *, of: str = "") -> str | None:
    """The field that is set of a oneof; None, which is a problem, if none is."""
    name = message.WhichOneof(oneof)
    if name is None:
        kinds = message.DESCRIPTOR.oneofs_by_name[oneof].fields
        report.should(path, f"have one of {one_of(each.name for each in kinds)}", of=of)
    return name
