"""Rows as one text each: all cells of a row with a separator between them, as EasyRec takes it.

There are no quotes, so that no cell can hold the separator. An empty cell means what it means in
the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmtl.data.dialect import dialect_of
from tfmtl.data.kinds import kind_of
from tfmtl.features.column import Column
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.pipeline_pb2 import Pipeline

JOINED = "joined"
FEATURES = "features"  # So EasyRec calls it.

JOINED_SPECS = {FEATURES: tf.TensorSpec([None], tf.string, FEATURES)}


@dataclasses.dataclass(frozen=True)
class JoinedCells:
    """How the cells of a row are one text.

    Args:
        columns: The cells' columns, in their order.
        separator: The text between two cells.
    """

    columns: tuple[str, ...]
    separator: str

    @classmethod
    def of_pipeline(cls, pipeline: Pipeline, inputs: Collection[str]) -> JoinedCells | None:
        """What a config asks for; None if it does not.

        Args:
            pipeline: The config.
            inputs: The columns that `serving_default` takes.
        """
        if pipeline.export_config.multi_placeholder:
            return None
        declared = [field.input_name for field in pipeline.data_config.input_fields]
        columns = tuple(name for name in declared if name in inputs)
        return cls(columns, dialect_of(pipeline.data_config).separator)

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> JoinedCells | None:
        """What an export tells of itself; None if it has no such signature."""
        told = manifest.get(JOINED)
        return cls(tuple(told["columns"]), told["separator"]) if told else None

    @property
    def mark(self) -> str:
        """The separator as it is told, escaped where it cannot be seen."""
        return repr(self.separator)[1:-1]

    def join(self, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        """Rows as texts, `(batch,)`; a cell that would be split is left empty."""
        cells = [map(self._text, rows[name]) for name in self.columns]
        texts = [self.separator.encode().join(row) for row in zip(*cells, strict=True)]
        return np.array(texts, dtype=object)

    def split(self, texts: tf.Tensor, columns: Sequence[Column]) -> dict[str, tf.Tensor]:
        """The raw columns, `(batch,)` each, of texts `(batch,)`.

        When run, a row of more or fewer cells is an InvalidArgumentError that tells the columns,
        and so is a cell of numbers that is none.
        """
        cells = tf.strings.split(texts, self.separator)
        with tf.control_dependencies([self._check(cells.row_lengths())]):
            table = tf.reshape(cells.values, [-1, len(self.columns)])
        return {each.name: _values(each, table[:, self._place(each)]) for each in columns}

    def _place(self, column: Column) -> int:
        return self.columns.index(column.name)

    def _check(self, counts: tf.Tensor) -> tf.Operation:
        count = len(self.columns)
        told = (
            f"A row in `{FEATURES}` should be {count} cells with `{self.mark}` between them: "
            f"{', '.join(self.columns)}; received, of other numbers of cells:"
        )
        is_wrong = counts != count
        return tf.raw_ops.Assert(
            condition=~tf.reduce_any(is_wrong), data=[told, counts[is_wrong]], summarize=-1
        )

    def _text(self, cell: Any) -> bytes:
        text = cell if isinstance(cell, bytes) else str(cell).encode()
        # A cell `a|` is split, too, if what separates is `||`.
        separator = self.separator.encode()
        return text if (text + separator).index(separator) == len(text) else b""


def _values(column: Column, cells: tf.Tensor) -> tf.Tensor:
    """Cells in their column's type. Texts get their default from the features."""
    if column.is_text:
        return cells
    filled = tf.where(cells == "", column.default or "0", cells)
    if column.dtype == tf.bool:
        return kind_of(DatasetConfig.BOOL).fill(filled, False)
    return tf.strings.to_number(filled, column.dtype)
