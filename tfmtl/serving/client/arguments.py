"""What a client is given: refused before anything is asked."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from tfmtl.config.wording import on_one_line
from tfmtl.errors import ServingError

_MOST = 2**63 - 1  # Of a version, which is an int64.


def check_text(name: str, value: Any) -> None:
    """Raises unless an argument is a text.

    Raises:
        ServingError: If so.
    """
    if not isinstance(value, str):
        raise ServingError(f"`{name}` should be a text. Received: {on_one_line(repr(value))}.")


def check_whole(name: str, value: Any, least: int) -> None:
    """Raises unless an argument is a whole number, and large enough.

    Raises:
        ServingError: If so.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not (is_whole and least <= value <= _MOST):
        raise ServingError(
            f"`{name}` should be a whole number from {least}. Received: {on_one_line(repr(value))}."
        )


def check_seconds(name: str, value: Any) -> None:
    """Raises unless an argument is a time.

    Raises:
        ServingError: If so.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and value > 0):
        raise ServingError(
            f"`{name}` should be seconds above 0. Received: {on_one_line(repr(value))}."
        )


def check_table(where: str, value: Any) -> None:
    """Raises unless rows are a table that has each column once.

    Raises:
        ServingError: If so.
    """
    if not isinstance(value, pd.DataFrame):
        kind = type(value).__name__
        raise ServingError(
            f"{where} should be a DataFrame. Received: {kind}. `pandas.DataFrame(…)` makes one of "
            "a dict of columns, or of a list of dicts."
        )
    _check_once(where, value.columns)


def check_user(value: Any) -> None:
    """Raises unless a user is one: values by name.

    Raises:
        ServingError: If so.
    """
    if isinstance(value, pd.DataFrame):
        raise ServingError(
            "`user` should be one row, or a dict. Received: a DataFrame of "
            f"{len(value)} rows. `.iloc[0]` of it would do."
        )
    if not isinstance(value, Mapping | pd.Series):
        raise ServingError(
            f"`user` should be one row, or a dict. Received: {type(value).__name__}."
        )
    if isinstance(value, pd.Series):
        _check_once("`user`", value.index)


def _check_once(where: str, names: Iterable[Any]) -> None:
    index = pd.Index(names)
    if not index.is_unique:
        name = index[index.duplicated()][0]
        raise ServingError(f"{where} should have each column once. Received: `{name}` twice.")
