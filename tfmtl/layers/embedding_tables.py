"""Embedding tables, how features read them, and where they start."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

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
        return {"tables": [table_config(table) for table in self.tables]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PackedInitializer:
        return cls([table_from_config(table) for table in config["tables"]])


def _initializer(table: Table) -> keras.initializers.Initializer:
    return table.initializer or keras.initializers.TruncatedNormal(stddev=0.01 / table.dim**0.5)


def table_config(table: Table) -> dict[str, Any]:
    """A table as a layer's config has it."""
    initializer = keras.initializers.serialize(table.initializer) if table.initializer else None
    return {
        **dataclasses.asdict(dataclasses.replace(table, initializer=None)),
        "initializer": initializer,
    }


def table_from_config(config: dict[str, Any]) -> Table:
    """The table of such a config."""
    initializer = config["initializer"]
    return Table(
        **{
            **config,
            "initializer": keras.initializers.deserialize(initializer) if initializer else None,
        }
    )
