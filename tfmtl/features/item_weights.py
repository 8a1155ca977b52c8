"""Where the weights of a bag's items come from: from the items themselves, or from a second column.

An item without a weight, or with one that is no finite number, weighs 1: a server has no one to
complain to. `malformed` finds such rows for training, which has.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping

import tensorflow as tf

from tfmtl.features.column import Column
from tfmtl.features.conversion import as_numbers
from tfmtl.features.splitting import bags_of_one, split_items, split_once
from tfmtl.layers.steps import align


class ItemWeights(abc.ABC):
    """Weights of the items of a bag.

    Args:
        columns: The columns they are read from, beside that of the items.
    """

    def __init__(self, columns: tuple[Column, ...] = ()) -> None:
        self.columns = columns

    @property
    @abc.abstractmethod
    def expects(self) -> str:
        """What the columns should hold, in words that follow "items"."""

    @abc.abstractmethod
    def read(
        self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """The items themselves and their weights, as many."""

    @abc.abstractmethod
    def malformed(self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Which rows, bool `(batch,)`, do not hold what is expected."""


class PairedWeights(ItemWeights):
    """Weights within the items, as in `shoes:0.5`. An item without a key, as `:0.5`, weighs 0.

    Args:
        separator: What stands between key and weight.
    """

    def __init__(self, separator: str) -> None:
        super().__init__()
        self._separator = separator

    @property
    def expects(self) -> str:
        return f", each like `item{self._separator}weight`"

    def read(
        self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        keys, texts = split_once(items.flat_values, self._separator)
        weights = tf.where(tf.equal(keys, ""), 0.0, _finite_or_one(as_numbers(texts)))
        return items.with_flat_values(keys), items.with_flat_values(weights)

    def malformed(self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
        keys, texts = split_once(items.flat_values, self._separator)
        no_weight = tf.logical_not(tf.math.is_finite(as_numbers(texts)))
        wrong = tf.logical_or(
            tf.equal(keys, ""), tf.logical_and(tf.not_equal(texts, ""), no_weight)
        )
        return tf.reduce_any(items.with_flat_values(wrong), axis=1)


class ColumnWeights(ItemWeights):
    """Weights in a column of their own, as many in each row as there are items.

    If there are more, the last are cut off; if there are fewer, those that lack are 1.

    Args:
        column: The column: text with the same separators as the items, or numbers, one a row.
        separator: Characters of which each separates weights.
    """

    def __init__(self, column: Column, separator: str) -> None:
        super().__init__((column,))
        self._column = column
        self._separator = separator

    @property
    def expects(self) -> str:
        return f" with a weight for each in column `{self._column.name}`"

    def read(
        self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        given = self._given(raw)
        weights = given.with_flat_values(_finite_or_one(given.flat_values))
        return items, items.with_flat_values(align(weights, items, fill=1.0))

    def malformed(self, items: tf.RaggedTensor, raw: Mapping[str, tf.Tensor]) -> tf.Tensor:
        given = self._given(raw)
        no_weight = tf.logical_not(tf.math.is_finite(given.flat_values))
        wrong = tf.reduce_any(given.with_flat_values(no_weight), axis=1)
        # A column of numbers has a weight even where there is no item.
        uneven = tf.not_equal if self._column.is_text else tf.less
        return tf.logical_or(wrong, uneven(given.row_lengths(), items.row_lengths()))

    def _given(self, raw: Mapping[str, tf.Tensor]) -> tf.RaggedTensor:
        values = self._column.filled(raw[self._column.name])
        if not self._column.is_text:
            return bags_of_one(as_numbers(values))
        texts = split_items(values, self._separator)
        return texts.with_flat_values(as_numbers(texts.flat_values))


def _finite_or_one(weights: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(weights), weights, 1.0)
