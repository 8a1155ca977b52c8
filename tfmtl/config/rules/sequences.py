"""Rules of the attentions in feature groups: which features are compared, and by which layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tfmtl.config.problems import Report
from tfmtl.config.rules.described import Described
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.widths import feature_width
from tfmtl.config.views import feature_name, features
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig
# The features by name.
_Known = Mapping[str, _Feature]


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Attentions compare features that are no sequences with such that are, and in one width."""
    known = {feature_name(each): each for each in features(pipeline)}
    for index, group in enumerate(pipeline.model_config.feature_groups):
        path = f"model_config.feature_groups[{index}].sequence_features"
        for place, each in enumerate(group.sequence_features):
            of = f"group `{group.group_name}`"
            it = Described(each, f"{path}[{place}]", of, pipeline, report)
            _check_maps(it, known)
            if each.HasField("seq_dnn"):  # There are others by default.
                _check_layers(it.part("seq_dnn", each.seq_dnn))
            _check_widths(it, known)
            _check_lengths(it, known)


def _check_maps(it: Described, known: _Known) -> None:
    passed = _Feature.PassThroughFeature
    steps = [n for n, each in known.items() if each.feature_type == _Feature.SequenceFeature]
    others = [n for n, each in known.items() if n not in steps and each.feature_type != passed]
    if not it.its.seq_att_map:
        it.should("seq_att_map", "say what is compared")
    for index, each in enumerate(it.its.seq_att_map):
        compared = it.part(f"seq_att_map[{index}]", each)
        _check_names(compared, "key", "a feature that is no sequence", others)
        for field in ("hist_seq", "aux_hist_seq"):
            _check_names(compared, field, "a SequenceFeature", steps)
        for field in ("key", "hist_seq"):
            if not getattr(each, field):
                compared.should(field, "name a feature")


def _check_names(it: Described, field: str, what: str, known: Collection[str]) -> None:
    for index, name in enumerate(getattr(it.its, field)):
        if name not in known:
            it.report.should_name(f"{it.path}.{field}[{index}]", what, name, known, of=it.of)


def _check_layers(it: Described) -> None:
    """The layers end in the score, and nothing stands beside them."""
    dnn = it.its
    check_dnn(it.report, it.path, dnn, of=it.of, needed=True)
    if dnn.hidden_units and dnn.hidden_units[-1] != 1:
        it.should("hidden_units", "end in 1, the score of a step", list(dnn.hidden_units))
    if dnn.interactions:
        kinds = [Word(each.WhichOneof("interaction") or "nothing") for each in dnn.interactions]
        it.should("interactions", "be left out, because they are not read here", kinds)


def _check_widths(it: Described, known: _Known) -> None:
    """Target and steps have one width, or are brought to it."""
    keys, history = _named(it, "key"), _named(it, "hist_seq")
    if it.its.allow_key_transform or not (keys and history):
        return
    if not all(name in known for name in (*keys, *history)):
        return  # Told already.
    target, steps = (sum(feature_width(known[n]) for n in names) for names in (keys, history))
    if target != steps:
        rule = (
            f"compare a target of the width of the steps, {steps}, or have `allow_key_transform: "
            "true`"
        )
        it.should("seq_att_map", rule, target)


def _check_lengths(it: Described, known: _Known) -> None:
    """Sequences that are looked at together are cut alike."""
    names = _named(it, "hist_seq", "aux_hist_seq")
    most = {name: known[name].max_seq_len for name in names if name in known}
    if len(set(most.values())) > 1:
        cuts = ", ".join(f"`{name}` {steps or 'none'}" for name, steps in most.items())
        sentence = (
            f"has sequences of several `max_seq_len`, so the later steps of some are 0: {cuts}"
        )
        it.report.warn(f"{it.path}.seq_att_map", sentence, of=it.of)


def _named(it: Described, *fields: str) -> Sequence[str]:
    """The features that an attention names in some fields of its maps."""
    return [n for each in it.its.seq_att_map for field in fields for n in getattr(each, field)]
