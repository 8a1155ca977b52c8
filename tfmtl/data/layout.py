"""Where the columns stand in a file, and how its lines become columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import tensorflow as tf

from tfmtl.data.columns import Column
from tfmtl.data.dialect import Dialect


@dataclasses.dataclass(frozen=True)
class Layout:
    """The order of columns in a file.

    Attributes:
        dialect: How a line holds cells.
        names: The file's columns, in its order.
        columns: Those that are read. The others are counted, and may hold anything.
    """

    dialect: Dialect
    names: tuple[str, ...]
    columns: tuple[Column, ...]

    def only(self, names: Collection[str]) -> Layout:
        """The same file, of which fewer columns are read."""
        columns = tuple(column for column in self.columns if column.name in names)
        return dataclasses.replace(self, columns=columns)

    def decode(self, lines: tf.Tensor) -> dict[str, tf.Tensor]:
        """Turns lines, `(batch,)`, into columns; fails with InvalidArgumentError if one is bad."""
        defaults = [tf.constant("")] * len(self.names)
        for column, place in self._placed():
            defaults[place] = tf.constant(column.csv_default, column.kind.csv_dtype)
        cells = self.dialect.decode(lines, defaults)
        return {column.name: column.fill(cells[place]) for column, place in self._placed()}

    def is_good(self, lines: tf.Tensor) -> tf.Tensor:
        """Whether `decode` can read each line, `(batch,)`, by itself."""
        whole = tf.where(self.dialect.has_cells(lines, len(self.names)))
        cells = self.dialect.decode(tf.gather_nd(lines, whole), [[""]] * len(self.names))
        good = tf.fill(tf.shape(whole)[:1], True)
        for column, place in self._placed():
            if column.kind.pattern is not None:
                optional = f"(?:{column.kind.pattern})?"
                good &= tf.strings.regex_full_match(cells[place], optional)
        return tf.tensor_scatter_nd_update(tf.zeros_like(lines, tf.bool), whole, good)

    def _placed(self) -> list[tuple[Column, int]]:
        return [(column, self.names.index(column.name)) for column in self.columns]
