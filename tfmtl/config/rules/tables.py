"""Rules of embedding tables that several features share by their `embedding_name`."""

from __future__ import annotations

from typing import NamedTuple

from tfmtl.config.problems import Report
from tfmtl.config.rules.feature_numbers import number_of_edges
from tfmtl.config.rules.fitted import fits
from tfmtl.config.views import feature_name, placed_features
from tfmtl.config.wording import on_one_line
from tfmtl.protos import feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig


class _Table(NamedTuple):
    """What the readers of one embedding table must agree on."""

    embedding_dim: int
    number_of_ids: int | str
    initializer: str


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Features with the same `embedding_name` describe the same table."""
    first: dict[str, tuple[str, _Table]] = {}
    for path, _, feature in placed_features(pipeline):
        table = _table(feature)
        if not feature.embedding_name or table is None:
            continue
        name = feature_name(feature)
        owner, wanted = first.setdefault(feature.embedding_name, (name, table))
        for what, mine, theirs in zip(_Table._fields, table, wanted, strict=True):
            if mine != theirs:
                rule = (
                    f"have the {what.replace('_', ' ')} of feature `{owner}`, {theirs or 'none'}, "
                    f"because both have `embedding_name` `{feature.embedding_name}`"
                )
                report.should(path, rule, mine or None, of=f"feature `{name}`")


def _table(feature: _Feature) -> _Table | None:
    """The table of a feature made of ids; None for one of plain numbers."""
    ids = _number_of_ids(feature)
    if not ids:
        return None
    initializer = on_one_line(str(feature.initializer))
    return _Table(feature.embedding_dim, ids, initializer)


def _number_of_ids(feature: _Feature) -> int | str:
    """How many ids there are; the file that has them; 0 for plain numbers."""
    if feature.feature_type == _Feature.RawFeature:
        edges = number_of_edges(feature)
        return feature.raw_input_dim * (edges + 1) if edges else 0
    if fits(feature, "vocabulary"):
        return len(feature.vocabulary.words) + 1 if feature.vocabulary.words else "a vocabulary"
    return (
        feature.hash_bucket_size
        or len(feature.vocab_list)
        or feature.vocab_file
        or feature.num_buckets
    )
