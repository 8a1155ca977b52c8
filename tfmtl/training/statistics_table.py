"""Statistics as people read them: a table of numbers, and one of words."""

from __future__ import annotations

from collections.abc import Sequence

from tfmtl.config.table import table_lines
from tfmtl.config.wording import on_one_line
from tfmtl.protos.statistics_pb2 import ColumnStatistics, Statistics

_QUANTILES = {"1%": 10, "25%": 250, "median": 500, "75%": 750, "99%": 990}
_TOP_WORDS = 3
_LONGEST = 24


def statistics_table(statistics: Statistics) -> str:
    """The statistics as text."""
    columns = statistics.columns
    lines = [f"{statistics.rows:,} rows of {statistics.input_path or 'a DataFrame'}"]
    numbers = [_numbers(each, statistics.rows) for each in columns if each.HasField("numbers")]
    words = [_words(each, statistics.rows) for each in columns if each.HasField("words")]
    for heads, rows in ((_NUMBER_HEADS, numbers), (_WORD_HEADS, words)):
        if rows:
            lines += ["", *table_lines([heads, *rows])]
    return "\n".join(lines)


_COUNTS = ("missing", "values", "distinct")
_MEASURES = ("zeros", "infinite", "mean", "deviation", "min", *_QUANTILES, "max")
_NUMBER_HEADS = ("numbers", *_COUNTS, *_MEASURES)
_WORD_HEADS = ("words", *_COUNTS, "most frequent")


def _numbers(column: ColumnStatistics, rows: int) -> list[str]:
    found = column.numbers
    if not column.values:
        return [*_counts(column, rows), *["-"] * len(_MEASURES)]
    quantiles = [found.quantiles[place] for place in _QUANTILES.values()]
    measured = [found.mean, found.deviation, found.min, *quantiles, found.max]
    zeros = _share(found.zeros, column.values)
    return [*_counts(column, rows), zeros, f"{found.infinite:,}", *map(_shown, measured)]


def _words(column: ColumnStatistics, rows: int) -> list[str]:
    found = column.words
    top = zip(found.words[:_TOP_WORDS], found.counts[:_TOP_WORDS], strict=True)
    told = [f"{_short(word)} {_share(count, column.values)}" for word, count in top]
    unsure = f" (counts within {found.count_error:,})" if found.count_error else ""
    return [*_counts(column, rows), ", ".join(told) + unsure]


def _counts(column: ColumnStatistics, rows: int) -> Sequence[str]:
    """The name of a column, and how many values it has."""
    _, _, parts = column.reading.partition(" ")
    name = f"{column.column} ({parts})" if parts else column.column
    missing = _share(column.missing_rows, rows)
    return [name, missing, f"{column.values:,}", f"{column.distinct:,}"]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _shown(number: float) -> str:
    return f"{number:.5g}"


def _short(word: str) -> str:
    """A word on one line, and only the beginning of a long one."""
    line = on_one_line(word) or repr(word)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
