"""A bag of ids a row, with or without weights."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.errors import ConfigError
from tfmtl.features.column import Column
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import BAG_WEIGHTS, BAGS, Encoded, Feature, Raw
from tfmtl.features.item_weights import ColumnWeights, ItemWeights, PairedWeights
from tfmtl.features.parts import Parts
from tfmtl.features.splitting import bags_of_one, split_items
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.protos.feature_pb2 import FeatureConfig


class TagFeature(Feature):
    """A bag of ids a row, ragged int64 `(batch, None)`, perhaps with weights in `<name>/weights`.

    A column of text holds the items of a row with separators between them, of which empty ones are
    left out; a column of numbers holds one item a row. A row without items, or with a missing
    number, is an empty bag, which is embedded as zeros.

    Args:
        name: Its name.
        column: The column of the items.
        vocabulary: What turns items into ids.
        embedding: How it is embedded.
        separator: Characters of which each separates items.
        combiner: "sum", "mean" or "sqrtn".
        weights: Where the items' weights are, if they have any.
    """

    def __init__(
        self,
        name: str,
        column: Column,
        vocabulary: Vocabulary,
        embedding: Embedding,
        separator: str = "|",
        combiner: str = "sum",
        weights: ItemWeights | None = None,
    ) -> None:
        super().__init__(name, (column, *(weights.columns if weights else ())), embedding)
        self._column = column
        self._vocabulary = vocabulary
        self._separator = separator
        self._combiner = combiner
        self._weights = weights

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> TagFeature:
        column, *others = parts.columns(config, most=2)
        return cls(
            feature_name(config),
            column,
            parts.vocabulary(config, column),
            Embedding.from_config(config, needed="ids are embedded"),
            config.separator,
            config.combiner,
            _weights(config, column, others),
        )

    @property
    def expects(self) -> str:
        items = self._vocabulary.reads
        listed = f"{items} separated by `{self._separator}`" if self._column.is_text else items
        return listed + (self._weights.expects if self._weights else "")

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def combiner(self) -> str:
        return self._combiner

    @property
    def weighted(self) -> bool:
        return self._weights is not None

    def encode(self, raw: Raw) -> Encoded:
        items = self._items(raw)
        if self._weights is None:
            return {self.name: self._ids(items)}
        items, weights = self._weights.read(items, raw)
        return {self.name: self._ids(items), self._weights_name: weights}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: BAGS, **({self._weights_name: BAG_WEIGHTS} if self._weights else {})}

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        items = self._items(raw)
        found = []
        if self._weights is not None:
            found.append(self._weights.malformed(items, raw))
            items, _ = self._weights.read(items, raw)
        wrong = self._vocabulary.malformed(items.flat_values)
        if wrong is not None:
            found.append(tf.reduce_any(items.with_flat_values(wrong), axis=1))
        return tf.reduce_any(tf.stack(found), axis=0) if found else None

    @property
    def _weights_name(self) -> str:
        return f"{self.name}/weights"

    def _items(self, raw: Raw) -> tf.RaggedTensor:
        values = self._column.filled(raw[self._column.name])
        return split_items(values, self._separator) if self._column.is_text else bags_of_one(values)

    def _ids(self, items: tf.RaggedTensor) -> tf.RaggedTensor:
        return items.with_flat_values(self._vocabulary.ids(items.flat_values))


def _weights(config: FeatureConfig, items: Column, others: list[Column]) -> ItemWeights | None:
    """The weights that a config asks for: within the items or in a second column, not both."""
    if not config.HasField("kv_separator"):
        return ColumnWeights(others[0], config.separator) if others else None
    if others:
        raise ConfigError(
            [
                "weights should come from `kv_separator` or from a second column, not from both. "
                f"Received: `{config.kv_separator}` and `{others[0].name}`."
            ]
        )
    if not items.is_text:
        rule = f"`kv_separator` should be unset, because column `{items.name}` is not text."
        raise ConfigError([f"{rule} Received: `{config.kv_separator}`."])
    return PairedWeights(config.kv_separator)
