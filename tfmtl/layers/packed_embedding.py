"""Embedding tables of one width share one storage, and a batch looks all of them up at once.

A model with hundreds of features pays for each lookup mostly in the count of its operations. Here
the tables of the same width lie one after another in one variable; the ids of all features, moved
by their table's first row, are looked up together: one `unique`, one gather, one segment-sum,
however many features there are (`embedding_storage`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfmtl.layers.embedding_storage import Storage
from tfmtl.layers.embedding_tables import (
    Lookup,
    PackedInitializer,
    Table,
    table_config,
    table_from_config,
)
from tfmtl.layers.placed import Placed


@keras.utils.register_keras_serializable("tfmtl")
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
            Storage(
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
        config["tables"] = [table_config(table) for table in self.tables]
        config["lookups"] = [dataclasses.asdict(lookup) for lookup in self.lookups]
        config["regularization"] = self.regularization
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PackedEmbedding:
        tables = [table_from_config(table) for table in config.pop("tables")]
        lookups = [Lookup(**lookup) for lookup in config.pop("lookups")]
        return cls(tables, lookups, **config)
