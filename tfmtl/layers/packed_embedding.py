"""Embedding tables of one width share one storage, and a batch looks all of them up at once.

A model with hundreds of features pays for each lookup mostly in the count of its operations. Here
the tables of the same width lie one after another in one variable; the ids of all features, moved
by their table's first row, are looked up together: one `unique`, one gather, one segment-sum,
however many features there are.

    rows = storage[unique(ids + offsets)]      each row once: a row-sparse gradient, no duplicates
    single id:   e = rows[id]                  zeros where the id is missing (-1)
    bag of ids:  e = Σ_i w_i·rows[id_i] / n    n of sum: 1, of mean: Σ w_i, of sqrtn: √Σ w_i²
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.placed import Placed

_COMBINERS = ("", "sum", "mean", "sqrtn")


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of `rows` embeddings of width `dim`.

    Args:
        name: Unique in its layer.
        rows: How many ids it has.
        dim: Width of an embedding.
        initializer: Keras initializer of its rows; by default a truncated normal of deviation
            0.01/√dim.
    """

    name: str
    rows: int
    dim: int
    initializer: keras.initializers.Initializer | None = None


@dataclasses.dataclass(frozen=True)
class Lookup:
    """How a feature reads a table.

    Args:
        feature: Name of the feature: the key of its ids among the inputs and of its embedding among
            the outputs.
        table: Name of its table.
        combiner: "" for a single id; "sum", "mean" or "sqrtn" for a bag of ids.
        weighted: Whether the bag has a weight for each id, under the key `<feature>/weights`.
        steps: Whether the feature is a sequence, with such an id or such a bag for each step.
    """

    feature: str
    table: str
    combiner: str = ""
    weighted: bool = False
    steps: bool = False

    def __post_init__(self) -> None:
        if self.combiner not in _COMBINERS:
            raise ValueError(
                f"`combiner` should be one of {_COMBINERS}. Received: {self.combiner!r}."
            )


@keras.utils.register_keras_serializable("tfmtl")
class PackedInitializer(keras.initializers.Initializer):
    """Fills a storage with its tables, each from its own initializer."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = list(tables)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
        del shape, kwargs  # The tables know their shapes.
        parts = [_initializer(table)((table.rows, table.dim), dtype=dtype) for table in self.tables]
        return parts[0] if len(parts) == 1 else tf.concat(parts, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"tables": [_table_config(table) for table in self.tables]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PackedInitializer:
        return cls([_table_from_config(table) for table in config["tables"]])


class PackedEmbedding(keras.layers.Layer):
    """Embeds every feature of a model.

    Inputs are a mapping of feature name to ids: int64 `(batch,)` with -1 for a missing id, or a
    ragged int64 `(batch, None)` for a bag, with float32 ragged weights under `<feature>/weights`
    where they are declared. The output maps each feature name to its float32 embedding `(batch,
    dim)`. A sequence has ragged ids `(batch, None)`, or bags `(batch, None, None)`, and a ragged
    embedding `(batch, None, dim)`. Only features that are among the inputs are embedded.

    Args:
        tables: The tables, of any widths.
        lookups: The features and the tables they read. A table may have several readers.
        regularization: Weight of the penalty Σ e² / 2 while training, over every number of every
            embedding of the batch: it grows with the batch, and an embedding that is looked up
            twice counts twice.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        lookups: Sequence[Lookup],
        regularization: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.regularization = regularization
        self.tables = list(tables)
        self.lookups = list(lookups)
        dims = {table.name: table.dim for table in self.tables}
        unknown = sorted({lookup.table for lookup in self.lookups} - set(dims))
        if unknown:
            raise ValueError(
                f"`lookups` should read one of the tables {sorted(dims)}. Received: {unknown}."
            )
        self._storages = [
            _Storage(
                dim,
                [table for table in self.tables if table.dim == dim],
                [lookup for lookup in self.lookups if dims[lookup.table] == dim],
            )
            for dim in sorted(set(dims.values()))
        ]

    def build(self, input_shape: Any) -> None:
        for storage in self._storages:
            storage.variable = self.add_weight(
                name=f"width_{storage.dim}",
                shape=(storage.rows, storage.dim),
                initializer=PackedInitializer(storage.tables),
            )
        super().build(input_shape)

    @property
    def embedding_variables(self) -> list[tf.Variable]:
        """The storages, one for each width."""
        return [storage.variable for storage in self._storages]

    @contextlib.contextmanager
    def reading(self, rows: Sequence[Callable[[tf.Tensor], tf.Tensor]]) -> Iterator[None]:
        """Looks embeddings up elsewhere while it lasts, in inference.

        Args:
            rows: For each of the `embedding_variables` what gives the float32 rows (n, dim) of ids
                (n,).
        """
        for storage, read in zip(self._storages, rows, strict=True):
            storage.read = read
        try:
            yield
        finally:
            for storage in self._storages:
                storage.read = storage.own_rows

    @property
    def placed(self) -> list[Placed]:
        """Where each table lies."""
        return [place for storage in self._storages for place in storage.placed()]

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = {}
        looked_up: list[tf.Tensor] = []
        for storage in self._storages:
            part = storage.only(inputs)
            if part.is_read:
                outputs.update(part.lookup(inputs, bool(training), looked_up))
        if training and self.regularization:
            penalty = tf.add_n([tf.nn.l2_loss(embedded) for embedded in looked_up])
            self.add_loss(self.regularization * penalty)
        return outputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["tables"] = [_table_config(table) for table in self.tables]
        config["lookups"] = [dataclasses.asdict(lookup) for lookup in self.lookups]
        config["regularization"] = self.regularization
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PackedEmbedding:
        tables = [_table_from_config(table) for table in config.pop("tables")]
        lookups = [Lookup(**lookup) for lookup in config.pop("lookups")]
        return cls(tables, lookups, **config)


class _Storage:
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

    def only(self, features: Collection[str]) -> _Storage:
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
        steps = [inputs[lookup.feature] for lookup in self.steps]
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
            embedded = take_rows(rows, tf.reshape(single, tf.shape(ids)))
            embedded *= tf.cast(present, embedded.dtype)[..., tf.newaxis]
            looked_up.append(embedded)
            by_feature = tf.unstack(embedded, num=len(self.singles))
            outputs.update(zip(_features(self.singles), by_feature, strict=True))
        for lookup, each, places in zip(self.steps, steps, stepwise, strict=True):
            known = tf.cast(each.values >= 0, rows.dtype)[:, tf.newaxis]
            embedded = take_rows(rows, places) * known
            looked_up.append(embedded)
            outputs[lookup.feature] = each.with_values(embedded)
        if self.bags:
            combined = self._combine(rows, bagged, bags, inputs)
            looked_up.extend(combined)
            for lookup, embedded in zip(self.bags, combined, strict=True):
                steps_of = inputs[lookup.feature]
                outputs[lookup.feature] = (
                    steps_of.with_values(embedded) if lookup.steps else embedded
                )
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


def segments_of(lengths: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    """The bag of each item, (total,) int32, from the bags' lengths (bags,) int32.

    A count of the bags that start at each item, summed up; `tf.repeat` would build a (bags, longest
    bag) mask.
    """
    starts = tf.cumsum(lengths)[:-1]
    begun = tf.math.unsorted_segment_sum(tf.ones_like(starts), starts, total + 1)
    return tf.cumsum(begun[:-1])


def rows_of(ragged: tf.RaggedTensor) -> tf.Tensor:
    """The row of each item, int32; `RaggedTensor.value_rowids` would build a (rows, longest) mask.

    Args:
        ragged: Items, (rows, None, ...).
    """
    lengths = tf.cast(ragged.row_lengths(), tf.int32)
    return segments_of(lengths, tf.shape(ragged.values)[0])


@tf.custom_gradient
def take_rows(rows: tf.Tensor, positions: tf.Tensor) -> Any:
    """`tf.gather` whose gradient is summed at once into the shape of `rows`, which are few."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        flat = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return tf.math.unsorted_segment_sum(
            flat, tf.reshape(positions, [-1]), tf.shape(rows)[0]
        ), None

    return tf.gather(rows, positions), gradient


@tf.custom_gradient
def sum_bags(rows: tf.Tensor, positions: tf.Tensor, segments: tf.Tensor, bags: tf.Tensor) -> Any:
    """Sums the rows of each bag, (bags, dim), without holding the rows of all items at once."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None, None]:
        summed = tf.raw_ops.SparseSegmentSumGrad(
            grad=upstream, indices=positions, segment_ids=segments, output_dim0=tf.shape(rows)[0]
        )
        return summed, None, None, None

    return tf.sparse.segment_sum(rows, positions, segments, num_segments=bags), gradient


def _pieces(values: tf.Tensor, like: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Parts of some values, as many in each as there are in the tensors of `like`, and the rest."""
    sizes = [tf.size(each) for each in like]
    rest = tf.shape(values)[0] - tf.add_n(sizes)
    return tf.split(values, tf.stack([*sizes, rest]), num=len(like) + 1)


def _features(lookups: Sequence[Lookup]) -> list[str]:
    return [lookup.feature for lookup in lookups]


def _initializer(table: Table) -> keras.initializers.Initializer:
    return table.initializer or keras.initializers.TruncatedNormal(stddev=0.01 / table.dim**0.5)


def _table_config(table: Table) -> dict[str, Any]:
    initializer = keras.initializers.serialize(table.initializer) if table.initializer else None
    return {
        **dataclasses.asdict(dataclasses.replace(table, initializer=None)),
        "initializer": initializer,
    }


def _table_from_config(config: dict[str, Any]) -> Table:
    initializer = config["initializer"]
    return Table(
        **{
            **config,
            "initializer": keras.initializers.deserialize(initializer) if initializer else None,
        }
    )
