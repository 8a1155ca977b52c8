"""One id a row."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.features.column import Column
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import IDS, Encoded, Feature, Raw
from tfmtl.features.parts import Parts
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig


class IdFeature(Feature):
    """One id a row, int64 `(batch,)`; -1, which is embedded as zeros, where it is missing.

    Missing are an empty text, the integer -1 and NaN. A default of the column's stands for an empty
    text and for NaN.

    Args:
        name: Its name.
        column: The column it reads.
        vocabulary: What turns values into ids.
        embedding: How it is embedded.
    """

    def __init__(
        self, name: str, column: Column, vocabulary: Vocabulary, embedding: Embedding
    ) -> None:
        super().__init__(name, (column,), embedding)
        self._column = column
        self._vocabulary = vocabulary

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> IdFeature:
        (column,) = parts.columns(config)
        vocabulary = parts.vocabulary(config, column)
        return cls(
            feature_name(config),
            column,
            vocabulary,
            Embedding.from_config(config, needed="ids are embedded"),
        )

    @property
    def expects(self) -> str:
        return "a whole number"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def encode(self, raw: Raw) -> Encoded:
        values = self._column.filled(raw[self._column.name])
        return {self.name: self._vocabulary.ids_or_missing(values)}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: IDS}

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        return self._vocabulary.malformed(raw[self._column.name])
