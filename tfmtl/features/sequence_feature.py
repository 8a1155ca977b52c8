"""A list a row whose order matters: of ids, or of numbers."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.features.bins import Bins, edges_of, no_number
from tfmtl.features.column import Column
from tfmtl.features.conversion import as_numbers
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import Encoded, Feature, Raw
from tfmtl.features.parts import Parts
from tfmtl.features.scaling import Scaling
from tfmtl.features.sequence_encoder import Encoder, encoder_of
from tfmtl.features.splitting import bags_of_one, split_items, split_places
from tfmtl.features.vocabulary import NumBuckets, Vocabulary
from tfmtl.layers.segments import rows_of
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


class SequenceFeature(Feature):
    """Steps in their order: ids, ragged int64 `(batch, None)`.

    An empty step has the id -1, which is embedded as zeros.

    A column of text holds the steps of a row with a separator between them. An empty cell is a row
    without steps; an empty step between two separators is a step of which nothing is known.

    Steps that hold several items are ragged `(batch, None, None)`, the embeddings of their items
    become one. Steps of numbers without bins are float32 `(batch, None, size)`.

    Args:
        name: Its name.
        column: The column it reads.
        embedding: How ids are embedded, or how wide the projection of numbers is.
        reader: What steps become.
        separator: What stands between two steps, as a whole.
        most: The most steps of a row, the first ones; 0 for any number.
        combiner: How the embeddings of a step's items become one; "" if it has one.
        encoder: What makes the steps one vector, for groups that list the feature.
    """

    def __init__(
        self,
        name: str,
        column: Column,
        embedding: Embedding,
        reader: StepReader,
        separator: str = "|",
        most: int = 0,
        combiner: str = "",
        encoder: Encoder | None = None,
    ) -> None:
        super().__init__(name, (column,), embedding)
        self._column = column
        self._encoder = encoder
        self._reader = reader
        self._separator = separator
        self._most = most
        self._combiner = combiner

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> SequenceFeature:
        (column,) = parts.columns(config)
        reader = _reader(config, parts, column)
        needed = "ids are embedded" if reader.vocabulary is not None else ""
        return cls(
            feature_name(config),
            column,
            Embedding.from_config(config, needed=needed),
            reader,
            config.separator,
            config.max_seq_len,
            config.combiner if isinstance(reader, ItemIds) else "",
            encoder_of(config),
        )

    @property
    def expects(self) -> str:
        return f"{self._reader.expects}, separated by `{self._separator}`"

    @property
    def has_steps(self) -> bool:
        return True

    @property
    def vocabulary(self) -> Vocabulary | None:
        return self._reader.vocabulary

    @property
    def width(self) -> int:
        return self.embedding.dim or self._reader.size

    @property
    def combiner(self) -> str:
        return self._combiner

    @property
    def encoder(self) -> Encoder | None:
        return self._encoder

    def encode(self, raw: Raw) -> Encoded:
        cells = self._cells(raw)
        return {self.name: cells.with_flat_values(self._reader.read(cells.flat_values))}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: self._reader.spec}

    def lengths(self, raw: Raw) -> tf.Tensor:
        """How many steps each row has in the data, `(batch,)`: also those that are cut away."""
        return self._all_cells(raw).row_lengths()

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        cells = self._cells(raw)
        wrong = self._reader.malformed(cells.flat_values)
        return None if wrong is None else tf.reduce_any(cells.with_flat_values(wrong), axis=1)

    def _cells(self, raw: Raw) -> tf.RaggedTensor:
        """The texts or numbers of the steps that are kept, (batch, None)."""
        steps = self._all_cells(raw)
        return steps[:, : self._most] if self._most else steps

    def _all_cells(self, raw: Raw) -> tf.RaggedTensor:
        values = self._column.filled(raw[self._column.name])
        if not self._column.is_text:
            return bags_of_one(values)
        steps = split_places(values, self._separator)
        # An empty cell is split into one empty step.
        kept = tf.gather(tf.not_equal(values, ""), rows_of(steps))
        return tf.ragged.boolean_mask(steps, steps.with_flat_values(kept))


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


def _reader(config: FeatureConfig, parts: Parts, column: Column) -> StepReader:
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
