"""The embedding tables of one width in one variable, and how a batch reads all of them at once.

    rows = storage[unique(ids + offsets)]      each row once: a row-sparse gradient, no duplicates
    single id:   e = rows[id]                  zeros where the id is missing (-1)
    bag of ids:  e = Σ_i w_i·rows[id_i] / n    n of sum: 1, of mean: Σ w_i, of sqrtn: √Σ w_i²

A table's offset is its first row: the tables lie one after another.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmtl.layers.embedding_tables import Lookup, Table
from tfmtl.layers.placed import Placed
from tfmtl.layers.segments import segments_of, sum_bags, take_rows


class Storage:
    """The tables of one width, one after another, and the lookups that read them."""

    def __init__(self, dim: int, tables: list[Table], lookups: list[Lookup]) -> None:
        self.dim = dim
        self.tables = tables
        self.rows = sum(table.rows for table in tables)
        self.singles = [each for each in lookups if not (each.combiner or each.steps)]
        self.steps = [each for each in lookups if each.steps and not each.combiner]
        self.bags = [each for each in lookups if each.combiner]
        self.variable: Any = None
        self.read: Callable[[tf.Tensor], tf.Tensor] = self.own_rows
        # Half the memory of int64, and `unique` takes about half its time.
        self._id_type = tf.int32 if self.rows < tf.int32.max else tf.int64
        self._offsets: dict[str, int] = {}
        first = 0
        for table in tables:
            self._offsets[table.name] = first
            first += table.rows

    def placed(self) -> list[Placed]:
        """Where each table lies."""
        return [
            Placed(table.name, self.variable, first, first + table.rows)
            for table, first in zip(self.tables, self._offsets.values(), strict=True)
        ]

    @property
    def is_read(self) -> bool:
        """Whether there is a lookup."""
        return bool(self.singles or self.steps or self.bags)

    def only(self, features: Collection[str]) -> Storage:
        """The storage with the lookups of some features."""
        part = copy.copy(self)
        part.singles = [each for each in self.singles if each.feature in features]
        part.steps = [each for each in self.steps if each.feature in features]
        part.bags = [each for each in self.bags if each.feature in features]
        return part

    def lookup(
        self, inputs: Mapping[str, Any], training: bool, looked_up: list[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The embedding of each feature; `looked_up` gets all their numbers, in few tensors."""
        ids, present = self._single_ids(inputs)
        steps = [inputs[at.feature] for at in self.steps]
        step_ids = [
            self._move(tf.maximum(each.values, 0), at)
            for each, at in zip(steps, self.steps, strict=True)
        ]
        bags = [inputs[at.feature].values if at.steps else inputs[at.feature] for at in self.bags]
        bag_ids = [self._move(bag.values, at) for bag, at in zip(bags, self.bags, strict=True)]
        parts = [tf.reshape(ids, [-1]), *step_ids, *bag_ids]
        rows, positions = self._rows(tf.concat(parts, axis=0), training)
        single, *stepwise, bagged = _pieces(positions, [ids, *step_ids])
        outputs: dict[str, tf.Tensor] = {}
        if self.singles:
            embedded = _where(present, take_rows(rows, tf.reshape(single, tf.shape(ids))))
            looked_up.append(embedded)
            by_feature = tf.unstack(embedded, num=len(self.singles))
            outputs |= {at.feature: e for at, e in zip(self.singles, by_feature, strict=True)}
        for at, each, places in zip(self.steps, steps, stepwise, strict=True):
            embedded = _where(each.values >= 0, take_rows(rows, places))
            looked_up.append(embedded)
            outputs[at.feature] = each.with_values(embedded)
        if self.bags:
            combined = self._combine(rows, bagged, bags, inputs)
            looked_up.extend(combined)
            for at, e in zip(self.bags, combined, strict=True):
                outputs[at.feature] = inputs[at.feature].with_values(e) if at.steps else e
        return outputs

    def _single_ids(self, inputs: Mapping[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
        """The storage's rows of the single ids and whether each is there, both (singles, batch).

        In this order the ids of one table, and so the rows to read and to add to, are together.
        """
        if not self.singles:
            return tf.zeros([0], self._id_type), tf.zeros([0], tf.bool)
        ids = tf.stack([inputs[lookup.feature] for lookup in self.singles])
        present = ids >= 0
        offsets = [[self._offsets[lookup.table]] for lookup in self.singles]
        moved = tf.maximum(tf.cast(ids, self._id_type), 0) + tf.constant(offsets, self._id_type)
        return moved, present

    def _move(self, ids: tf.Tensor, lookup: Lookup) -> tf.Tensor:
        return tf.cast(ids, self._id_type) + self._offsets[lookup.table]

    def _rows(self, ids: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows of the storage, and the position among them of each id."""
        if training:
            # Each row once: less to gather, and the optimizer finds a gradient without duplicates.
            unique, positions = tf.unique(ids)
            return tf.gather(self.variable, unique), positions
        return self.read(ids), tf.range(tf.size(ids))

    def own_rows(self, ids: tf.Tensor) -> tf.Tensor:
        """The rows of ids (n,), as they are trained, (n, dim)."""
        return tf.gather(self.variable, ids)

    def _combine(
        self,
        rows: tf.Tensor,
        positions: tf.Tensor,
        bags: list[tf.RaggedTensor],
        inputs: Mapping[str, Any],
    ) -> list[tf.Tensor]:
        """One (batch, dim) for each bag feature; all features' bags are summed in one operation."""
        lengths = tf.concat([tf.cast(bag.row_lengths(), tf.int32) for bag in bags], axis=0)
        segments = segments_of(lengths, tf.size(positions))
        if any(lookup.weighted for lookup in self.bags):
            weights = tf.concat(
                [self._weights(inputs, bag, at) for bag, at in zip(bags, self.bags, strict=True)], 0
            )
            weighted = take_rows(rows, positions) * weights[:, tf.newaxis]
            sums = tf.math.unsorted_segment_sum(weighted, segments, tf.size(lengths))
        else:
            weights = None
            sums = sum_bags(rows, positions, segments, tf.size(lengths))
        sizes = [bag.row_lengths() for bag in bags]
        parts = _pieces(sums, sizes)[:-1]
        scales = self._scales(lengths, segments, weights, sizes)
        return [
            part if scale is None else part * scale[:, tf.newaxis]
            for part, scale in zip(parts, scales, strict=True)
        ]

    def _weights(
        self, inputs: Mapping[str, Any], bag: tf.RaggedTensor, lookup: Lookup
    ) -> tf.Tensor:
        if lookup.weighted:
            return inputs[f"{lookup.feature}/weights"].values
        return tf.ones_like(bag.values, tf.float32)

    def _scales(
        self,
        lengths: tf.Tensor,
        segments: tf.Tensor,
        weights: tf.Tensor | None,
        sizes: list[tf.Tensor],
    ) -> list[tf.Tensor | None]:
        """What turns each feature's sums into its combiner's result; None for a sum."""
        if all(lookup.combiner == "sum" for lookup in self.bags):
            return [None] * len(self.bags)
        if weights is None:
            totals = squares = tf.cast(lengths, tf.float32)
        else:
            totals = tf.math.unsorted_segment_sum(weights, segments, tf.size(lengths))
            squares = tf.math.unsorted_segment_sum(tf.square(weights), segments, tf.size(lengths))
        by_combiner = {
            "mean": _pieces(tf.math.divide_no_nan(1.0, totals), sizes),
            "sqrtn": _pieces(tf.math.divide_no_nan(1.0, tf.sqrt(squares)), sizes),
        }
        return [
            None if lookup.combiner == "sum" else by_combiner[lookup.combiner][index]
            for index, lookup in enumerate(self.bags)
        ]


def _pieces(values: tf.Tensor, like: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Parts of some values, as many in each as there are in the tensors of `like`, and the rest."""
    sizes = [tf.size(each) for each in like]
    rest = tf.shape(values)[0] - tf.add_n(sizes)
    return tf.split(values, tf.stack([*sizes, rest]), num=len(like) + 1)


def _where(present: tf.Tensor, embedded: tf.Tensor) -> tf.Tensor:
    """Embeddings (..., dim), and zeros where nothing is present (...)."""
    return embedded * tf.cast(present, embedded.dtype)[..., tf.newaxis]
