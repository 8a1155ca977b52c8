"""Which column stands where in a CSV file: by its header, or by the order of `input_fields`."""

from __future__ import annotations

from collections.abc import Sequence

from tfmtl.data import complaints
from tfmtl.data.columns import Column, nearest
from tfmtl.data.dialect import BadLine, Dialect
from tfmtl.errors import DataError

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def read_header(path: str, line: bytes, dialect: Dialect) -> tuple[str, ...]:
    """The names in a header, spaces around them dropped.

    Raises:
        DataError: If it cannot be split.
    """
    text = line.decode("utf-8", "backslashreplace").removeprefix(_BYTE_ORDER_MARK)
    try:
        return tuple(name.strip() for name in dialect.split(text))
    except BadLine as problem:
        raise DataError(f"{path}: in the header, {problem}.") from problem


def check_header(
    path: str, names: Sequence[str], columns: Sequence[Column], dialect: Dialect
) -> None:
    """Checks that a header names each of the columns to read once.

    Raises:
        DataError: If it does not, with the nearest names that it has.
    """
    for column in columns:
        if names.count(column.name) > 1:
            raise DataError(f"{path}: the header names column `{column.name}` more than once.")
    missing = [column.name for column in columns if column.name not in names]
    if not missing:
        return
    wanted = ", ".join(f"`{name}`{nearest(name, names)}" for name in missing)
    received = complaints.shorten(dialect.separator.join(names))
    raise DataError(
        f"{path}: the header should name {wanted}. Received: {received}."
        + _advice(names, [column.name for column in columns], dialect)
    )


def order_without_header(
    path: str, line: bytes, declared: Sequence[Column], dialect: Dialect, labels_required: bool
) -> tuple[str, ...]:
    """The names of a file's columns if no header tells them.

    They are the declared ones in their order. Where labels are not required, a file may also be
    without all labels, the sample weight and propensities; its first line's number of cells tells.

    Raises:
        DataError: If the file starts with a byte order mark, which would be part of a cell.
    """
    text = line.decode("utf-8", "backslashreplace")
    if text.startswith(_BYTE_ORDER_MARK):
        raise DataError(f"{path}: starts with a byte order mark. Save it as UTF-8 without one.")
    names = tuple(column.name for column in declared)
    features = tuple(column.name for column in declared if not column.is_target)
    if not labels_required and _count_cells(text, dialect) == len(features):
        return features
    return names


def _count_cells(text: str, dialect: Dialect) -> int | None:
    try:
        return len(dialect.split(text))
    except BadLine:
        return None


def _advice(names: Sequence[str], wanted: Sequence[str], dialect: Dialect) -> str:
    if set(names) & set(wanted):
        return ""
    line = dialect.separator.join(names)
    separator = complaints.guess_separator(line, lambda cells: set(wanted) <= set(cells))
    if separator:
        return f" It does when split at {separator!r}: set `data_config.separator`."
    return " If it is a row, set `data_config.with_header: false`."
