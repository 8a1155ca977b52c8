"""A number a row, computed from columns."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmtl.config import feature_name
from tfmtl.config.expressions import ExpressionError, Tree
from tfmtl.config.feature_expressions import COLUMN, read_expression, unusable_expression
from tfmtl.errors import ConfigError
from tfmtl.features.bins import no_number
from tfmtl.features.column import Column
from tfmtl.features.embedding import Embedding
from tfmtl.features.expression_values import numbers_of, served, value_of
from tfmtl.features.feature import Encoded, Feature, Raw
from tfmtl.features.parts import Parts
from tfmtl.protos.feature_pb2 import FeatureConfig


class ExprFeature(Feature):
    """A number a row, float32 `(batch, 1)`: that of an expression; a truth value is 0 or 1.

    It is computed in double precision. Missing values are their column's default, or 0.

    Args:
        name: Its name.
        columns: The columns that the expression may name.
        tree: The expression, resolved.
        embedding: How wide its projection is; width 0 means the number itself.
    """

    def __init__(
        self, name: str, columns: Sequence[Column], tree: Tree, embedding: Embedding
    ) -> None:
        super().__init__(name, tuple(columns), embedding)
        self._tree = tree

    @classmethod
    def from_config(cls, config: FeatureConfig, parts: Parts) -> ExprFeature:
        columns = parts.columns(config, most=len(config.input_names))
        try:
            tree = read_expression(config, parts.fields(config))
        except ExpressionError as error:
            raise ConfigError([unusable_expression(config, error)]) from error
        return cls(feature_name(config), columns, tree, Embedding.from_config(config))

    @property
    def expects(self) -> str:
        return "numbers"

    @property
    def width(self) -> int:
        return self.embedding.dim or 1

    def encode(self, raw: Raw) -> Encoded:
        names = {each.name: numbers_of(raw[each.name], each) for each in self.columns}
        value = value_of(self._tree, {COLUMN: names})
        rows = tf.shape(raw[self.columns[0].name])[:1]
        return {self.name: served(value, rows)[:, tf.newaxis]}

    def encoded_signature(self) -> dict[str, tf.TypeSpec]:
        return {self.name: tf.TensorSpec([None, 1], tf.float32)}

    def malformed(self, raw: Raw) -> tf.Tensor | None:
        texts = [each for each in self.columns if each.is_text]
        if not texts:
            return None
        return tf.reduce_any([no_number(each.filled(raw[each.name])) for each in texts], axis=0)
