"""A list a row whose order matters: of ids, or of numbers."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.features.column import Column
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import Encoded, Feature, Raw
from tfmtl.features.parts import Parts
from tfmtl.features.sequence_encoder import Encoder, encoder_of
from tfmtl.features.splitting import bags_of_one, split_places
from tfmtl.features.step_readers import ItemIds, StepReader, reader_of
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.layers.segments import rows_of
from tfmtl.protos.feature_pb2 import FeatureConfig


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
        reader = reader_of(config, parts, column)
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
