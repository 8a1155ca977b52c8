"""The weights of a network as people name them: its variables, but tables instead of storages.

Tables of one width lie one after another in one variable (`layers/embedding_storage.py`), in an
order that another feature changes; so do the weights of numbers that are embedded alike
(`layers/numeric_embedding.py`). Whoever freezes weights or starts from another model's means
tables, `embeddings/user` and not rows 40 to 70 of `embeddings/width_16`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import tensorflow as tf
import tf_keras as keras

# The rows of each table in each storage, by their names: [first, end). A feature's weights in a
# variable of several are such a table, too.
Tables = dict[str, dict[str, list[int]]]


@dataclasses.dataclass(frozen=True)
class Piece:
    """A variable, or the rows of one table in a storage.

    Args:
        name: As people know it.
        variable: Name of the variable, or of the storage.
        rows: Its rows there, [first, end); None if it is all there is.
    """

    name: str
    variable: str
    rows: tuple[int, int] | None = None

    @property
    def table(self) -> str | None:
        """The table's name; None if it is no table."""
        layer = self.variable.rpartition("/")[0]
        return None if self.rows is None else self.name.removeprefix(f"{layer}/")

    def shape_in(self, shape: list[int]) -> list[int]:
        """Its own shape, where `shape` is its variable's."""
        return shape if self.rows is None else [self.rows[1] - self.rows[0], *shape[1:]]


def weights_of(network: keras.Model) -> dict[str, tf.Variable]:
    """The variables of a network by name."""
    return dict(numbered((variable.name, variable) for variable in network.variables))


def numbered(
    variables: Iterable[tuple[str, tf.Variable]],
) -> Iterator[tuple[str, tf.Variable]]:
    """Gives variables of the same name numbers, in their order."""
    seen: dict[str, int] = {}
    for name, variable in variables:
        name = name.removesuffix(":0")
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}#{seen[name]}"), variable


def placed_tables(network: keras.Model) -> Tables:
    """Where the tables lie in the storages of a network."""
    names = {variable.ref(): name for name, variable in weights_of(network).items()}
    tables: Tables = {}
    for layer in network.submodules:
        for table, storage, first, end in getattr(layer, "placed", []):
            tables.setdefault(names[storage.ref()], {})[table] = [first, end]
    return tables


def pieces_of(variables: Mapping[str, object], tables: Tables) -> Iterator[Piece]:
    """The pieces that some variables are made of.

    Args:
        variables: The variables by name.
        tables: Where tables lie in them.
    """
    for variable in variables:
        if variable not in tables:
            yield Piece(variable, variable)
            continue
        layer = variable.rpartition("/")[0]
        for table, (first, end) in tables[variable].items():
            yield Piece(f"{layer}/{table}", variable, (first, end))
