"""Which embedding tables a set of features needs, and which feature reads which."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from tfmtl.errors import ConfigError
from tfmtl.features.feature import Feature
from tfmtl.layers import Lookup, Table


def tables_of(features: Iterable[Feature]) -> tuple[list[Table], list[Lookup]]:
    """The tables and lookups of features made of ids.

    Features whose embeddings have the same name share one table; every other feature has its own,
    however many groups it is in.

    Args:
        features: The features; those made of numbers have no table.

    Raises:
        ConfigError: If features that share a table do not agree on it.
    """
    readers = _readers([feature for feature in features if feature.ids is not None])
    problems = [problem for name, group in readers.items() for problem in _quarrels(name, group)]
    if problems:
        raise ConfigError(problems)
    tables = [_table(name, group) for name, group in readers.items()]
    lookups = [_lookup(name, each) for name, group in readers.items() for each in group]
    return tables, lookups


def _readers(features: Sequence[Feature]) -> dict[str, list[Feature]]:
    """The features that read each table, by its name."""
    uses = collections.Counter(feature.embedding.name for feature in features)
    shared = {name for name, count in uses.items() if name and count > 1}
    own = {feature.name for feature in features if feature.embedding.name not in shared}
    readers: dict[str, list[Feature]] = {}
    for feature in features:
        name = feature.embedding.name if feature.embedding.name in shared else feature.name
        if name in own and name != feature.name:
            name += "_shared"  # A feature of that name has a table of its own.
        readers.setdefault(name, []).append(feature)
    return readers


def _quarrels(name: str, readers: list[Feature]) -> list[str]:
    """What the readers of a table do not agree on."""
    first, *others = readers
    wanted = {
        "`embedding_dim`": lambda feature: feature.embedding.dim,
        "number of ids": lambda feature: feature.ids,
    }
    problems = [
        f"Features `{first.name}` and `{other.name}` share the table `{name}`, so their {what} "
        f"should be the same. Received: {read(first)} and {read(other)}."
        for other in others
        for what, read in wanted.items()
        if read(first) != read(other)
    ]
    return problems + [
        f"Features `{first.name}` and `{other.name}` share the table `{name}`, so their "
        "`initializer` should be the same. Received: different ones."
        for other in others
        if not first.embedding.same_start(other.embedding)
    ]


def _table(name: str, readers: list[Feature]) -> Table:
    first = readers[0]
    initializer = first.embedding.fresh_initializer()
    return Table(name, first.ids or 0, first.embedding.dim, initializer)


def _lookup(table: str, feature: Feature) -> Lookup:
    return Lookup(feature.name, table, feature.combiner, feature.weighted, feature.has_steps)
