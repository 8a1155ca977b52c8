"""The grammar of a CSV line, as `tf.io.decode_csv` has it, in TensorFlow and in Python.

A cell either holds no double quote, or it is all in double quotes, in which the separator is text
and `""` is one double quote. A cell cannot hold a line break.

TensorFlow separates at one byte. A separator of several is first turned into one, and then double
quotes are text: which separators they would enclose is not known before the line is split.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfmtl.errors import ConfigError
from tfmtl.protos import dataset_pb2

_QUOTED = '"(?:[^"]|"")*"'
_UNIT_SEPARATOR = "\x1f"  # ASCII's own separator, which no text contains.


class BadLine(Exception):
    """A line that cannot be split into cells, and why."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a line holds cells.

    Attributes:
        separator: The text between cells.
        has_quotes: Whether a cell may be in double quotes; if not, they are text. Takes a separator
            of one byte.
    """

    separator: str
    has_quotes: bool

    def decode(self, lines: tf.Tensor, record_defaults: Sequence[Any]) -> list[tf.Tensor]:
        """Parses lines, `(batch,)`, into one tensor a column."""
        return tf.io.decode_csv(
            self._marked(lines),
            record_defaults,
            field_delim=self._mark,
            use_quote_delim=self.has_quotes,
        )

    def has_cells(self, lines: tf.Tensor, count: int) -> tf.Tensor:
        """Whether each line, `(batch,)`, is well formed and has `count` cells."""
        cells = tf.strings.split(self._marked(lines), self._mark).row_lengths()
        plain = (cells == count) & (lines != "")
        if not self.has_quotes:
            return plain
        # Few lines have quotes, and only those are worth a closer look. `\C` is any byte.
        quoted = tf.where(tf.strings.regex_full_match(lines, r'\C*"\C*'))
        closer = self._quoted_has_cells(tf.gather_nd(lines, quoted), count)
        return tf.tensor_scatter_nd_update(plain, quoted, closer)

    def split(self, line: str) -> list[str]:
        """Splits a line into the texts of its cells.

        Raises:
            BadLine: If its quotes do not pair up.
        """
        if not self.has_quotes:
            return line.replace(self.separator, self._mark).split(self._mark) if line else []
        cells: list[str] = []
        place = 0
        while line and place <= len(line):
            cell = self._cell_at(line, place, number=len(cells) + 1)
            cells.append(cell[1:-1].replace('""', '"') if cell.startswith('"') else cell)
            place += len(cell) + 1
        return cells

    @property
    def _mark(self) -> str:
        """The one byte between the cells of a marked line."""
        return self.separator if len(self.separator.encode()) == 1 else _UNIT_SEPARATOR

    def _marked(self, lines: tf.Tensor) -> tf.Tensor:
        if self._mark == self.separator:
            return lines
        return tf.strings.regex_replace(lines, re.escape(self.separator), self._mark)

    def _cell_at(self, line: str, place: int, number: int) -> str:
        found = re.compile(self._cell, re.DOTALL).match(line, place)
        assert found is not None  # It matches an empty cell, if nothing else.
        rest = line[found.end() : found.end() + 1]
        if rest in ("", self.separator):
            return found.group()
        if not line.startswith('"', place):
            raise BadLine(f"cell {number} has a double quote inside, but is not in double quotes")
        if found.group():
            raise BadLine(f"cell {number} goes on after its closing double quote")
        raise BadLine(f"cell {number} has an opening double quote and no closing one")

    @property
    def _cell(self) -> str:
        return f'{_QUOTED}|[^"{re.escape(self.separator)}]*'

    def _quoted_has_cells(self, lines: tf.Tensor, count: int) -> tf.Tensor:
        # RE2 reads UTF-8, where a stray byte is no character; as Latin-1 every byte is one.
        text = tf.strings.unicode_transcode(lines, "ISO-8859-1", "UTF-8")
        cell = f"(?:{self._cell})"
        shape = f"{cell}(?:{re.escape(self.separator)}{cell})*"
        bare = tf.strings.regex_replace(text, _QUOTED, "")
        cells = tf.strings.split(bare, self.separator).row_lengths()
        return tf.strings.regex_full_match(text, shape) & (cells == count)


def dialect_of(data_config: dataset_pb2.DatasetConfig) -> Dialect:
    """The dialect that a data config describes.

    Raises:
        ConfigError: If the separator cannot stand between cells.
    """
    separator = _unescape(data_config.separator)
    is_ex = data_config.input_type == dataset_pb2.DatasetConfig.CSVInputEx
    has_quotes = not is_ex and len(separator.encode()) == 1
    if not separator or set(separator) & set('"\n\r' if has_quotes else "\n\r"):
        raise ConfigError(
            [
                "`data_config.separator` should be a text such as ',' or '\\t' or '\\001', and no "
                f"double quote or line break. Received: {data_config.separator!r}."
            ]
        )
    return Dialect(separator, has_quotes)


def _unescape(separator: str) -> str:
    """Reads an escape that the config's own quoting kept, such as a backslash and `001`."""
    if not re.fullmatch(r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{1,2}|[tabfv])", separator):
        return separator
    return codecs.decode(separator, "unicode_escape")
