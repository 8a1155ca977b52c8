"""Several columns crossed: an id for each combination of their values."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.errors import ConfigError
from tfmtl.features.column import Column, missing
from tfmtl.features.conversion import as_text
from tfmtl.features.embedding import Embedding
from tfmtl.features.feature import BAGS, IDS, Encoded, Feature, Raw
from tfmtl.features.parts import Parts, precision_of
from tfmtl.features.splitting import bags_of_one, split_items
from tfmtl.features.vocabulary import MISSING
from tfmtl.protos.feature_pb2 import FeatureConfig

_SEED = 0xDECAFCAFFE  # That of TensorFlow's `crossed_column`, which EasyRec takes.


class ComboFeature(Feature):
    """An id a row, int64 `(batch,)`, of the values of several columns together.

        id = hash(x_1, x_2, …) mod size                       by TensorFlow's `crossed_column`
        id = hash(x_1 + sep + x_2 + sep + …) mod size         with a text that joins them

    Without such a text, a row that misses one of the values has no id, -1, which is embedded as
    zeros; with it, an empty text takes part like any other.

    If columns hold lists, it is a bag, ragged `(batch, None)`, of all combinations of their items.

    Args:
        name: Its name.
        columns: The columns, two or more.
        size: How many ids there are.
        embedding: How it is embedded.
        joint: The text that joins the values; "" to hash them one by one.
        separators: For each column the characters that separate its items, "" if it has one value;
            or none at all.
        combiner: How the embeddings of a bag become one: "sum", "mean" or "sqrtn".
        precision: Digits behind the point of a float as text.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        size: int,
        embedding: Embedding,
        joint: str = "",
        separators: Sequence[str] = (),
        combiner: str = "sum",
        precision: int = -1,
    ) -> None:
        super().__init__(name, tuple(columns), embedding)
        self._size = size
        self._joint = joint
        self._separators = list(separators) or [""] * len(columns)
        self._combiner = combiner
        self._precision = precision

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> ComboFeature:
        columns = parts.columns(config, most=len(config.input_names))
        if len(columns) < 2:
            rule = "`input_names` should name two columns or more."
            raise ConfigError([f"{rule} Received: {list(config.input_names)}."])
        if not config.hash_bucket_size:
            raise ConfigError(["`hash_bucket_size` should be at least 1. Received: 0."])
        if config.combo_input_seps and len(config.combo_input_seps) != len(columns):
            rule = f"`combo_input_seps` should have one text for each of {len(columns)} columns."
            raise ConfigError([f"{rule} Received: {list(config.combo_input_seps)}."])
        return cls(
            feature_name(config),
            columns,
            config.hash_bucket_size,
            Embedding.from_config(config, needed="ids are embedded"),
            config.combo_join_sep,
            config.combo_input_seps,
            config.combiner,
            max(precision_of(config, column) for column in columns),
        )

    @property
    def expects(self) -> str:
        return "any values"

    @property
    def ids(self) -> int:
        return self._size

    @property
    def combiner(self) -> str:
        return self._combiner if any(self._separators) else ""

    def encode(self, raw: Raw) -> Encoded:
        if any(self._separators):
            return {self.name: self._bags(raw)}
        return {self.name: self._joined(raw) if self._joint else self._crossed(raw)}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: BAGS if any(self._separators) else IDS}

    def _joined(self, raw: Raw) -> tf.Tensor:
        texts = [self._text(column, raw) for column in self.columns]
        joined = tf.strings.join(texts, self._joint)
        return tf.strings.to_hash_bucket_fast(joined, self._size)

    def _crossed(self, raw: Raw) -> tf.Tensor:
        texts = [self._text(column, raw)[:, tf.newaxis] for column in self.columns]
        ids = tf.ragged.cross_hashed([*texts], self._size, _SEED).flat_values
        absent = [missing(column.filled(raw[column.name])) for column in self.columns]
        lacks = [each for each in absent if each is not None]
        if not lacks:
            return ids
        return tf.where(tf.reduce_any(lacks, axis=0), tf.constant(MISSING, tf.int64), ids)

    def _bags(self, raw: Raw) -> tf.RaggedTensor:
        items = [
            self._items(column, separator, raw)
            for column, separator in zip(self.columns, self._separators, strict=True)
        ]
        if not self._joint:
            return tf.ragged.cross_hashed(items, self._size, _SEED)
        sparse = tf.sparse.cross([each.to_sparse() for each in items], separator=self._joint)
        joined = tf.RaggedTensor.from_sparse(sparse)
        return joined.with_flat_values(
            tf.strings.to_hash_bucket_fast(joined.flat_values, self._size)
        )

    def _items(self, column: Column, separator: str, raw: Raw) -> tf.RaggedTensor:
        if separator and column.is_text:
            return split_items(column.filled(raw[column.name]), separator)
        values = bags_of_one(column.filled(raw[column.name]))
        return values.with_flat_values(as_text(values.flat_values, self._precision))

    def _text(self, column: Column, raw: Raw) -> tf.Tensor:
        return as_text(column.filled(raw[column.name]), self._precision)
