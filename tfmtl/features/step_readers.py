"""What the steps of sequences become: ids, bags of ids, or numbers."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import tensorflow as tf

from tfmtl.features.bins import Bins, edges_of, no_number
from tfmtl.features.column import Column
from tfmtl.features.conversion import as_numbers
from tfmtl.features.parts import Parts
from tfmtl.features.scaling import Scaling
from tfmtl.features.splitting import split_items, split_places
from tfmtl.features.vocabulary import NumBuckets, Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig

Steps: TypeAlias = tf.Tensor | tf.RaggedTensor


class StepReader(Protocol):
    """What the cells of all rows' steps, flat `(steps,)`, become."""

    @property
    def expects(self) -> str:
        """What a step should be, in words."""

    @property
    def spec(self) -> tf.TypeSpec:
        """What the encoded feature is."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What turns steps, or their items, into ids; None for numbers."""

    @property
    def size(self) -> int:
        """How many numbers a step has; 1 for ids."""

    def read(self, cells: tf.Tensor) -> Steps:
        """A step for each cell."""

    def malformed(self, cells: tf.Tensor) -> tf.Tensor | None:
        """Which cells are not what it expects; None if all are."""


class SingleIds:
    """An id a step, int64; -1 where it is missing.

    Args:
        vocabulary: What turns steps into ids.
    """

    spec = tf.RaggedTensorSpec([None, None], tf.int64)
    size = 1

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    @property
    def expects(self) -> str:
        return self.vocabulary.reads

    def read(self, cells: tf.Tensor) -> tf.Tensor:
        return self.vocabulary.ids_or_missing(cells)

    def malformed(self, cells: tf.Tensor) -> tf.Tensor | None:
        return self.vocabulary.malformed(cells)


class ItemIds:
    """A bag of ids a step, ragged int64 `(steps, None)`.

    Args:
        vocabulary: What turns items into ids.
        separator: Characters of which each separates the items of a step.
    """

    spec = tf.RaggedTensorSpec([None, None, None], tf.int64, ragged_rank=2)
    size = 1

    def __init__(self, vocabulary: Vocabulary, separator: str) -> None:
        self.vocabulary = vocabulary
        self._separator = separator

    @property
    def expects(self) -> str:
        return f"steps of {self.vocabulary.reads} separated by `{self._separator}`"

    def read(self, cells: tf.Tensor) -> tf.RaggedTensor:
        items = split_items(cells, self._separator)
        return items.with_flat_values(self.vocabulary.ids(items.flat_values))

    def malformed(self, cells: tf.Tensor) -> tf.Tensor | None:
        items = split_items(cells, self._separator)
        wrong = self.vocabulary.malformed(items.flat_values)
        return None if wrong is None else tf.reduce_any(items.with_flat_values(wrong), axis=1)


class StepNumbers:
    """Numbers of a step, float32 `(steps, size)`; what is no finite number is 0.

    Args:
        size: How many a step has. Shorter ones are filled up with 0, longer ones cut.
        separator: What stands between the numbers of a step, as a whole.
        scaling: How numbers are scaled.
    """

    vocabulary = None

    def __init__(self, size: int, separator: str, scaling: Scaling) -> None:
        self.size = size
        self._separator = separator
        self._scaling = scaling

    @property
    def expects(self) -> str:
        if self.size == 1:
            return "numbers"
        return f"steps of {self.size} numbers at most separated by `{self._separator}`"

    @property
    def spec(self) -> tf.TypeSpec:
        return tf.RaggedTensorSpec([None, None, self.size], tf.float32, ragged_rank=1)

    def read(self, cells: tf.Tensor) -> tf.Tensor:
        if self.size == 1:
            return self._numbers(cells)[:, tf.newaxis]
        items = split_places(cells, self._separator)
        numbers = items.with_flat_values(self._numbers(items.flat_values))
        return numbers.to_tensor(0.0, shape=[None, self.size])

    def malformed(self, cells: tf.Tensor) -> tf.Tensor | None:
        if cells.dtype != tf.string:
            return None
        if self.size == 1:
            return no_number(cells)
        items = split_places(cells, self._separator)
        wrong = items.with_flat_values(no_number(items.flat_values))
        return tf.logical_or(tf.reduce_any(wrong, axis=1), items.row_lengths() > self.size)

    def _numbers(self, cells: tf.Tensor) -> tf.Tensor:
        numbers = as_numbers(cells)
        return self._scaling(tf.where(tf.math.is_finite(numbers), numbers, 0.0))


def reader_of(config: FeatureConfig, parts: Parts, column: Column) -> StepReader:
    """What a config makes of a step: ids, bins of numbers, or numbers."""
    vocabulary = _vocabulary(config, parts, column)
    if vocabulary is None:
        return StepNumbers(config.raw_input_dim, config.seq_multi_sep, Scaling.from_config(config))
    if config.seq_multi_sep:
        return ItemIds(vocabulary, config.seq_multi_sep)
    return SingleIds(vocabulary)


def _vocabulary(config: FeatureConfig, parts: Parts, column: Column) -> Vocabulary | None:
    if config.sub_feature_type == FeatureConfig.IdFeature:
        return parts.vocabulary(config, column)
    edges = edges_of(config)
    if edges:
        return Bins(edges, Scaling.from_config(config))
    return NumBuckets(config.num_buckets) if config.num_buckets > 1 else None
