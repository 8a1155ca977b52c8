"""Lists that are a history of what another column names, such as the categories last clicked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tfmtl.proposal.features import Proposed
from tfmtl.proposal.profile import Profile
from tfmtl.protos.feature_pb2 import FeatureConfig

_NAME = re.compile(r"(?i)hist|seq|last|recent|clicked|viewed|bought|purchased|behavio")
_SHARE = 0.8  # Of the list's values, by their frequency, that the column has, too.
_LONGEST = 50


class History(NamedTuple):
    """A history, and the column whose values it has."""

    steps: str
    target: str


def find_histories(
    proposed: Mapping[str, Proposed], profiles: Mapping[str, Profile]
) -> list[History]:
    """Finds lists that are histories, which an attention of the column's value can read."""
    ids = [name for name, each in proposed.items() if _is_text_id(each)]
    found = []
    for name, each in proposed.items():
        if each.lists is None or each.lists.kv_separator or not _is_ordered(name, each):
            continue
        target = max(ids, key=lambda other: _shared(each, profiles[other]), default="")
        if target and _shared(each, profiles[target]) >= _SHARE:
            found.append(History(name, target))
    return found


def make_sequence(history: History, proposed: dict[str, Proposed]) -> None:
    """Makes a list the history of a column, with one table of embeddings for both."""
    steps, target = proposed[history.steps], proposed[history.target].feature
    assert steps.lists is not None
    target.embedding_name = steps.feature.embedding_name = history.target
    steps.feature.hash_bucket_size = target.hash_bucket_size
    steps.feature.embedding_dim = target.embedding_dim
    steps.feature.feature_type = FeatureConfig.SequenceFeature
    steps.feature.ClearField("combiner")
    steps.feature.max_seq_len = min(steps.lists.longest, _LONGEST)
    note = f"a history of {history.target}: {steps.note}"
    proposed[history.steps] = steps._replace(note=note)


def _is_text_id(proposed: Proposed) -> bool:
    feature = proposed.feature
    return feature.feature_type == FeatureConfig.IdFeature and bool(feature.hash_bucket_size)


def _is_ordered(name: str, proposed: Proposed) -> bool:
    assert proposed.lists is not None
    return proposed.lists.has_repetition or _NAME.search(name) is not None


def _shared(proposed: Proposed, column: Profile) -> float:
    """The share of a list's values that a column has, too."""
    assert proposed.lists is not None
    counts = proposed.lists.counts
    return sum(n for value, n in counts.items() if value in column.counts) / counts.total()
