"""A map looked up by a key: the values that a row's map has for the row's key."""

from __future__ import annotations

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.errors import ConfigError
from tfmtl.features.column import Column
from tfmtl.features.conversion import as_text
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import BAGS, Encoded, Feature, Raw
from tfmtl.features.parts import Parts, precision_of
from tfmtl.features.splitting import split_items, split_once
from tfmtl.features.vocabulary import Vocabulary
from tfmtl.layers.segments import rows_of
from tfmtl.protos.feature_pb2 import FeatureConfig


class LookupFeature(Feature):
    """A bag of ids a row, ragged int64 `(batch, None)`: of the values whose key is the row's own.

    A column holds maps as text, such as `shoes:0.5|hats:2`. Where the map does not have the key,
    the bag is empty, which is embedded as zeros.

    Args:
        name: Its name.
        key: The column of the keys.
        entries: The column of the maps, text.
        vocabulary: What turns values into ids.
        embedding: How it is embedded.
        separator: Characters of which each separates entries.
        kv_separator: What stands between the key and the value of an entry.
        most: The most values that are kept of a row, the first ones.
        combiner: "sum", "mean" or "sqrtn".
        precision: Digits behind the point of a float key as text.
    """

    def __init__(
        self,
        name: str,
        key: Column,
        entries: Column,
        vocabulary: Vocabulary,
        embedding: Embedding,
        separator: str = "|",
        kv_separator: str = ":",
        most: int = 10,
        combiner: str = "sum",
        precision: int = -1,
    ) -> None:
        super().__init__(name, (key, entries), embedding)
        self._key = key
        self._entries = entries
        self._vocabulary = vocabulary
        self._separator = separator
        self._kv_separator = kv_separator
        self._most = most
        self._combiner = combiner
        self._precision = precision

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> LookupFeature:
        columns = parts.columns(config, most=2)
        if len(columns) != 2:
            rule = "`input_names` should name two columns, of the key and of the map."
            raise ConfigError([f"{rule} Received: {list(config.input_names)}."])
        key, entries = columns
        if not entries.is_text:
            rule = f"column `{entries.name}` should be STRING, because it holds maps."
            raise ConfigError([f"{rule} Received: {entries.kind}."])
        return cls(
            feature_name(config),
            key,
            entries,
            parts.vocabulary(config, entries),
            Embedding.from_config(config, needed="ids are embedded"),
            config.separator,
            config.kv_separator or ":",
            config.lookup_max_sel_elem_num,
            config.combiner,
            precision_of(config, key),
        )

    @property
    def expects(self) -> str:
        entry = f"each like `key{self._kv_separator}value`"
        return f"a key, and entries separated by `{self._separator}`, {entry}"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def combiner(self) -> str:
        return self._combiner

    def encode(self, raw: Raw) -> Encoded:
        items = self._items(raw)
        keys, values = split_once(items.flat_values, self._kv_separator)
        wanted = as_text(self._key.filled(raw[self._key.name]), self._precision)
        is_wanted = items.with_flat_values(tf.equal(keys, tf.gather(wanted, rows_of(items))))
        found = tf.ragged.boolean_mask(items.with_flat_values(values), is_wanted)[:, : self._most]
        return {self.name: found.with_flat_values(self._vocabulary.ids(found.flat_values))}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: BAGS}

    def malformed(self, raw: Raw) -> tf.Tensor:
        """Where an entry has no key or no value, or a value that the vocabulary cannot read."""
        items = self._items(raw)
        keys, values = split_once(items.flat_values, self._kv_separator)
        wrong = tf.logical_or(tf.equal(keys, ""), tf.equal(values, ""))
        unread = self._vocabulary.malformed(values)
        if unread is not None:
            wrong = tf.logical_or(wrong, unread)
        return tf.reduce_any(items.with_flat_values(wrong), axis=1)

    def _items(self, raw: Raw) -> tf.RaggedTensor:
        return split_items(self._entries.filled(raw[self._entries.name]), self._separator)
