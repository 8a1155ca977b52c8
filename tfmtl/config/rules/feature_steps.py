"""Rules of sequences: of ids and of numbers."""

from __future__ import annotations

from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.described_feature import DescribedFeature
from tfmtl.config.rules.encoders import check_encoder
from tfmtl.config.rules.feature_ids import check_ids
from tfmtl.config.rules.feature_numbers import check_edges, number_of_edges
from tfmtl.config.rules.feature_parts import (
    check_combiner,
    check_embedding,
    check_number_of_inputs,
    check_second_separator,
    check_separator,
)
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2

_Feature = feature_pb2.FeatureConfig


def check_sequence(it: DescribedFeature) -> None:
    """Steps in their order."""
    feature = it.feature
    check_number_of_inputs(it, 1, "name one column")
    check_separator(it)
    if feature.HasField("max_seq_len"):
        check_at_least(it.report, f"{it.path}.max_seq_len", feature.max_seq_len, 1, of=it.of)
    if feature.sub_feature_type == _Feature.IdFeature:
        check_ids(it)
    elif feature.sub_feature_type == _Feature.RawFeature:
        _check_numbers(it)
    else:
        kind = Word(_Feature.FeatureType.Name(feature.sub_feature_type))
        it.should("sub_feature_type", "be IdFeature or RawFeature", kind)
    if feature.seq_multi_sep:
        _check_items(it)
    check_encoder(it.report, it.path, feature, of=it.of)


def _check_numbers(it: DescribedFeature) -> None:
    """The steps are numbers: binned, ids themselves, projected or plain."""
    feature = it.feature
    check_at_least(it.report, f"{it.path}.raw_input_dim", feature.raw_input_dim, 1, of=it.of)
    check_edges(it)
    if number_of_edges(feature) or feature.num_buckets > 1:
        check_embedding(it, "bins are embedded")
    elif feature.raw_input_dim > 1 and not feature.seq_multi_sep:
        rule = f"separate the {feature.raw_input_dim} numbers of a step (`raw_input_dim`)"
        it.should("seq_multi_sep", rule)
    if feature.hash_bucket_size:
        it.warn("hash_bucket_size", "is not read, because `sub_feature_type` is RawFeature")


def _check_items(it: DescribedFeature) -> None:
    """Steps hold several items: of ids or bins, or the numbers of a vector."""
    check_second_separator(it)
    check_combiner(it)
