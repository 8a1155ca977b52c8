"""Rules of the attentions in feature groups: which features are compared, and by which layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tfmtl.config.problems import Report
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.widths import feature_width
from tfmtl.config.views import feature_name, features
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Attentions compare features that are no sequences with such that are, and in one width."""
    known = {feature_name(each): each for each in features(pipeline)}
    for index, group in enumerate(pipeline.model_config.feature_groups):
        path = f"model_config.feature_groups[{index}].sequence_features"
        of = f"group `{group.group_name}`"
        attentions = group.sequence_features
        for place, each in enumerate(attentions):
            _check_maps(each, known, f"{path}[{place}]", report, of)
            _check_layers(each, f"{path}[{place}].seq_dnn", report, of)
            _check_widths(each, known, f"{path}[{place}]", report, of)
            _check_lengths(each, known, f"{path}[{place}]", report, of)


def _check_maps(
    attention: feature_pb2.SeqAttGroupConfig,
    known: Mapping[str, _Feature],
    path: str,
    report: Report,
    of: str,
) -> None:
    passed = _Feature.PassThroughFeature
    steps = [n for n, each in known.items() if each.feature_type == _Feature.SequenceFeature]
    others = [n for n, each in known.items() if n not in steps and each.feature_type != passed]
    if not attention.seq_att_map:
        report.should(f"{path}.seq_att_map", "say what is compared", of=of)
    for index, each in enumerate(attention.seq_att_map):
        at = f"{path}.seq_att_map[{index}]"
        _check_names(each.key, "a feature that is no sequence", others, f"{at}.key", report, of)
        for field in ("hist_seq", "aux_hist_seq"):
            names = getattr(each, field)
            _check_names(names, "a SequenceFeature", steps, f"{at}.{field}", report, of)
        for field in ("key", "hist_seq"):
            if not getattr(each, field):
                report.should(f"{at}.{field}", "name a feature", of=of)


def _check_names(
    names: Sequence[str], what: str, known: Collection[str], path: str, report: Report, of: str
) -> None:
    for index, name in enumerate(names):
        if name not in known:
            report.should_name(f"{path}[{index}]", what, name, known, of=of)


def _check_layers(
    attention: feature_pb2.SeqAttGroupConfig, path: str, report: Report, of: str
) -> None:
    """The layers end in the score, and nothing stands beside them."""
    if not attention.HasField("seq_dnn"):
        return
    dnn = attention.seq_dnn
    check_dnn(report, path, dnn, of=of, needed=True)
    if dnn.hidden_units and dnn.hidden_units[-1] != 1:
        rule = "end in 1, the score of a step"
        report.should(f"{path}.hidden_units", rule, list(dnn.hidden_units), of=of)
    if dnn.interactions:
        kinds = [Word(each.WhichOneof("interaction") or "nothing") for each in dnn.interactions]
        rule = "be left out, because they are not read here"
        report.should(f"{path}.interactions", rule, kinds, of=of)


def _check_widths(
    attention: feature_pb2.SeqAttGroupConfig,
    known: Mapping[str, _Feature],
    path: str,
    report: Report,
    of: str,
) -> None:
    """Target and steps have one width, or are brought to it."""
    keys = [name for each in attention.seq_att_map for name in each.key]
    history = [name for each in attention.seq_att_map for name in each.hist_seq]
    if attention.allow_key_transform or not (keys and history):
        return
    if not all(name in known for name in (*keys, *history)):
        return  # Told already.
    target, steps = (sum(feature_width(known[n]) for n in names) for names in (keys, history))
    if target != steps:
        rule = (
            f"compare a target of the width of the steps, {steps}, or have `allow_key_transform: "
            "true`"
        )
        report.should(f"{path}.seq_att_map", rule, target, of=of)


def _check_lengths(
    attention: feature_pb2.SeqAttGroupConfig,
    known: Mapping[str, _Feature],
    path: str,
    report: Report,
    of: str,
) -> None:
    """Sequences that are looked at together are cut alike."""
    names = [n for each in attention.seq_att_map for n in (*each.hist_seq, *each.aux_hist_seq)]
    most = {name: known[name].max_seq_len for name in names if name in known}
    if len(set(most.values())) > 1:
        cuts = ", ".join(f"`{name}` {steps or 'none'}" for name, steps in most.items())
        sentence = (
            f"has sequences of several `max_seq_len`, so the later steps of some are 0: {cuts}"
        )
        report.warn(f"{path}.seq_att_map", sentence, of=of)
