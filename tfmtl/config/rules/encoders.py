"""Rules of what makes a vector of a sequence, or of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.problems import Report
from tfmtl.config.rules.blocks import check_mlp
from tfmtl.config.rules.common import (
    Rule,
    check_at_least,
    check_fields,
    check_not_negative,
    check_positive,
    check_share,
    chosen,
)
from tfmtl.config.rules.layers import check_activation
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2


def _check_one(report: Report, path: str, value: float, *, of: str = "") -> None:
    check_at_least(report, path, value, 1, of=of)


_RULES: Mapping[str, Rule] = {
    "num_bins": _check_one,
    "keep_prob": check_not_negative,
    "temperature": check_positive,
    "num_frequencies": _check_one,
    "sigma": check_positive,
    "num_heads": _check_one,
    "dropout_ratio": check_share,
    "activation": check_activation,
}


def check_numeric_embedding(
    report: Report, path: str, feature: feature_pb2.FeatureConfig, *, of: str = ""
) -> None:
    """Numbers are embedded in a way that is said, with parameters that make sense."""
    kind = chosen(report, path, feature.numeric_embedding, "embedding", of=of)
    if kind is None:
        return
    parameters = getattr(feature.numeric_embedding, kind)
    check_fields(report, f"{path}.{kind}", parameters, _RULES, of=of)


def check_encoder(
    report: Report, path: str, feature: feature_pb2.FeatureConfig, *, of: str = ""
) -> None:
    """A sequence becomes a vector in one way, if in any, with parameters that make sense."""
    given = [name for name in ("sequence_encoder", "sequence_combiner") if feature.HasField(name)]
    if len(given) > 1:
        rule = "be left out, because there is a `sequence_encoder`"
        kind = feature.sequence_combiner.WhichOneof("combiner")
        report.should(f"{path}.sequence_combiner", rule, kind and Word(kind), of=of)
    for name in given[:1]:
        _check_way(report, f"{path}.{name}", name.removeprefix("sequence_"), feature, of)


def _check_way(
    report: Report, path: str, oneof: str, feature: feature_pb2.FeatureConfig, of: str
) -> None:
    message = getattr(feature, f"sequence_{oneof}")
    kind = chosen(report, path, message, oneof, of=of)
    if kind is None:
        return
    parameters = getattr(message, kind)
    check_fields(report, f"{path}.{kind}", parameters, _RULES, of=of)
    if kind == "self_attention" and not feature.max_seq_len:
        _check_any_length(report, f"{path}.{kind}", parameters, of)
    if kind == "text_cnn":
        _check_filters(report, f"{path}.{kind}", parameters, of)


def _check_any_length(
    report: Report, path: str, attention: feature_pb2.SelfAttentionEncoder, of: str
) -> None:
    if attention.use_position:
        rule = "be false, or there should be a `max_seq_len`"
        report.should(f"{path}.use_position", rule, True, of=of)
    else:
        sentence = (
            "compares all pairs of steps; a `max_seq_len` keeps long rows from taking much memory"
        )
        report.warn(path, sentence, of=of)


def _check_filters(report: Report, path: str, cnn: feature_pb2.TextCNN, of: str) -> None:
    """There are filters, of some size and some number each."""
    sizes, numbers = list(cnn.filter_sizes), list(cnn.num_filters)
    for field, values in (("filter_sizes", sizes), ("num_filters", numbers)):
        if not all(values) or not values:
            report.should(f"{path}.{field}", "be at least 1 each", values or None, of=of)
    if cnn.HasField("mlp"):
        check_mlp(report, f"{path}.mlp", cnn.mlp, of, needed=True)
    if len(sizes) != len(numbers):
        rule = f"have a number for each of {len(sizes)} `filter_sizes`"
        report.should(f"{path}.num_filters", rule, numbers or None, of=of)
