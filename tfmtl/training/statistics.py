"""Statistics of the training data, in one pass over it."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfmtl import config
from tfmtl.config.readings import ANY, BEFORE, WHOLE, Part, Reading, reading_of, readings
from tfmtl.config.rules.fitted import fits
from tfmtl.data import Source, open_source, translate_errors
from tfmtl.data.columns import declared_columns
from tfmtl.features.column import missing
from tfmtl.features.conversion import as_numbers, as_text
from tfmtl.features.splitting import split_items, split_once, split_places
from tfmtl.features.statistics import Numbers, RowSample, WordCounter, best_splits
from tfmtl.protos import dataset_pb2, pipeline_pb2
from tfmtl.protos.feature_pb2 import Binning
from tfmtl.protos.statistics_pb2 import ColumnStatistics, LabelSplits, Statistics
from tfmtl.tasks import SampleSpace, build_factors, build_label
from tfmtl.training.build import training_data

if TYPE_CHECKING:
    import pandas as pd

Raw = Mapping[str, tf.Tensor]

_BATCH_SIZE = 8192
_Types = dataset_pb2.DatasetConfig
# Stand for an empty cell, so that it is seen: readers put defaults into columns of numbers.
_MARKERS = {
    _Types.INT32: str(tf.int32.min),
    _Types.INT64: str(tf.int64.min),
    _Types.FLOAT: "nan",
    _Types.DOUBLE: "nan",
}
# Features read numbers as 32 bits, of which larger ones are infinite.
_LARGEST = float(tf.float32.max)


def collect_statistics(
    pipeline: pipeline_pb2.Pipeline,
    data: pd.DataFrame | None = None,
    max_words: int = 100_000,
    sample_rows: int = 200_000,
) -> Statistics:
    """Goes through the training data once.

    Args:
        pipeline: A checked config, not necessarily filled in.
        data: Rows to take instead of `train_input_path`.
        max_words: Words of a column that are kept, the most frequent ones.
        sample_rows: Rows that a tree is grown from, drawn at random if there are more.

    Raises:
        ConfigError: If the config names no data.
        DataError: If the data cannot be read.
    """
    columns = [_of(reading, max_words) for reading in readings(pipeline)]
    trees = _trees(pipeline, sample_rows)
    source = _open(pipeline, data)
    takers: list[_ColumnStatistics | _Tree] = [*columns, *trees]
    rows = 0
    with translate_errors(source):
        for raw in source.dataset(_BATCH_SIZE, sampled=False):
            rows += int(next(iter(raw.values())).shape[0])
            for each in takers:
                each.update(raw)
    if not rows:
        raise source.no_rows_error()
    source.tell_skipped()
    return _result(pipeline, rows, columns, trees)


class _ColumnStatistics(abc.ABC):
    """What is known of a column as features read it.

    Args:
        reading: How they read it.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._missing_rows = 0

    def update(self, raw: Raw) -> None:
        """Takes a batch of raw columns."""
        cells = raw[self.reading.column]
        present = tf.logical_not(_absent(cells, self.reading))
        self._missing_rows += int(cells.shape[0]) - int(tf.math.count_nonzero(present))
        self._take(_items(tf.boolean_mask(cells, present), self.reading.parts))

    def result(self) -> ColumnStatistics:
        """What was found."""
        return ColumnStatistics(
            column=self.reading.column,
            reading=self.reading.words,
            missing_rows=self._missing_rows,
        )

    @abc.abstractmethod
    def _take(self, items: tf.Tensor) -> None:
        """Takes the items of all rows, `(items,)`."""


class _NumberColumn(_ColumnStatistics):
    """A column of numbers."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self._numbers = Numbers()

    def result(self) -> ColumnStatistics:
        found = super().result()
        summary = dataclasses.asdict(self._numbers.result())
        found.values, found.distinct = summary.pop("count"), summary.pop("distinct")
        found.numbers.SetInParent()
        for name, value in summary.items():
            if name == "quantiles":
                found.numbers.quantiles.extend(value)
            else:
                setattr(found.numbers, name, value)
        return found

    def _take(self, items: tf.Tensor) -> None:
        self._numbers.update(_as_floats(items))


class _WordColumn(_ColumnStatistics):
    """A column of words."""

    def __init__(self, reading: Reading, max_words: int) -> None:
        super().__init__(reading)
        self._words = WordCounter(max_words)

    def result(self) -> ColumnStatistics:
        found = super().result()
        found.values, found.distinct = self._words.total, self._words.distinct
        found.words.count_error = self._words.count_error
        for word, count in self._words.most_common():
            if _is_listed(word):
                found.words.words.append(word.decode())
                found.words.counts.append(count)
        return found

    def _take(self, items: tf.Tensor) -> None:
        words = as_text(items, self.reading.precision)
        self._words.update([word for word in words.numpy().tolist() if word])


class _Tree:
    """The splits of a column's numbers by a task's label, in the task's sample space.

    Args:
        reading: How features read the column.
        task: The task's name.
        space: Its sample space.
        empty: What an empty cell means in each column of the space.
        sample_rows: Rows of the space that are kept.
    """

    def __init__(
        self,
        reading: Reading,
        task: str,
        space: SampleSpace,
        empty: Mapping[str, Any],
        sample_rows: int,
    ) -> None:
        self.reading = reading
        self._task = task
        self._space = space
        self._empty = empty
        self._sample = RowSample(sample_rows, width=3)

    def update(self, raw: Raw) -> None:
        """Takes a batch of raw columns."""
        label, weight = self._space.rows(
            {name: _with_default(raw[name], empty) for name, empty in self._empty.items()}
        )
        numbers = _as_floats(raw[self.reading.column])
        rows = np.stack([numbers, label.numpy(), weight.numpy()], axis=1)
        self._sample.update(rows[np.isfinite(numbers) & (rows[:, 2] > 0.0)])

    def result(self) -> LabelSplits:
        """What was found."""
        numbers, labels, weights = self._sample.rows.T
        edges = best_splits(numbers, labels, weights)
        return LabelSplits(task=self._task, rows=len(numbers), edges=edges)


def _of(reading: Reading, max_words: int) -> _ColumnStatistics:
    return _NumberColumn(reading) if reading.of_numbers else _WordColumn(reading, max_words)


def _trees(pipeline: pipeline_pb2.Pipeline, sample_rows: int) -> list[_Tree]:
    """A tree for each column and task that a feature asks for."""
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    asked = dict.fromkeys(
        (reading_of(feature, fields), feature.binning.task)
        for feature in config.features(pipeline)
        if fits(feature, "binning") and feature.binning.method == Binning.TREE
    )
    spaces = {
        tower.tower_name: SampleSpace(build_label(tower), build_factors(tower, pipeline))
        for tower in config.towers(pipeline)
        if tower.label_name
    }
    columns = {column.name: column for column in declared_columns(pipeline.data_config)}
    empty = {task: {name: columns[name].empty for name in s.columns} for task, s in spaces.items()}
    return [_Tree(reading, task, spaces[task], empty[task], sample_rows) for reading, task in asked]


def _open(pipeline: pipeline_pb2.Pipeline, data: pd.DataFrame | None) -> Source:
    """The training data with markers in empty cells; targets are NaN there anyway."""
    settings = dataset_pb2.DatasetConfig()
    settings.CopyFrom(pipeline.data_config)
    targets = config.target_columns(settings)
    for field in settings.input_fields:
        if field.input_type in _MARKERS and field.input_name not in targets:
            field.default_val = _MARKERS[field.input_type]
    return open_source(settings, training_data(pipeline, data))


def _with_default(cells: tf.Tensor, empty: Any) -> tf.Tensor:
    """The cells of a column, with what an empty one means in place of its marker."""
    if empty is None or cells.dtype in (tf.string, tf.bool):
        return cells
    is_marked = cells == cells.dtype.min if cells.dtype.is_integer else tf.math.is_nan(cells)
    return tf.where(is_marked, tf.constant(empty, cells.dtype), cells)


def _absent(cells: tf.Tensor, reading: Reading) -> tf.Tensor:
    """Which rows of a column, `(batch,)`, have no value. A -1 is a number, but no id."""
    if cells.dtype.is_integer:
        marked = tf.equal(cells, cells.dtype.min)
        return marked if reading.of_numbers else tf.logical_or(marked, missing(cells))
    absent = missing(cells)
    return tf.zeros(tf.shape(cells), tf.bool) if absent is None else absent


def _items(cells: tf.Tensor, parts: Sequence[Part]) -> tf.Tensor:
    """The items of all cells, one after the other; `cells` themselves if nothing parts them."""
    for way, mark in parts:
        if way == WHOLE:
            cells = split_places(cells, mark).flat_values
        elif way == ANY:
            cells = split_items(cells, mark).flat_values
        else:
            before, behind = split_once(cells, mark)
            cells = before if way == BEFORE else behind
    return cells


def _as_floats(values: tf.Tensor) -> np.ndarray:
    """Numbers in double precision; infinite where features' 32 bits are."""
    numbers = as_numbers(values, tf.float64).numpy()
    if values.dtype.is_integer:
        numbers = np.where(values.numpy() == values.dtype.min, np.nan, numbers)
    return np.where(np.abs(numbers) > _LARGEST, np.copysign(np.inf, numbers), numbers)


def _is_listed(word: bytes) -> bool:
    """Whether a word can be written down: what is no UTF-8 cannot, and is counted only."""
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _result(
    pipeline: pipeline_pb2.Pipeline,
    rows: int,
    columns: Sequence[_ColumnStatistics],
    trees: Sequence[_Tree],
) -> Statistics:
    found = {each.reading: each.result() for each in columns}
    for tree in trees:
        found[tree.reading].numbers.splits.append(tree.result())
    return Statistics(rows=rows, input_path=pipeline.train_input_path, columns=found.values())
