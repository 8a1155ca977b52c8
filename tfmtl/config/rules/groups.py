"""Rules of the feature groups: which features they name, and which groups there must be."""

from __future__ import annotations

from collections.abc import Sequence

from tfmtl.config.backbone.graphs import groups_of_steps
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_layer_name, check_share, check_unique
from tfmtl.config.rules.widths import has_steps
from tfmtl.config.stacks import groups_of_interactions, groups_read, listed_groups
from tfmtl.config.views import architecture, feature_name, features, group_features
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2, pipeline_pb2

_PATH = "model_config.feature_groups"
_Feature = feature_pb2.FeatureConfig


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Groups name features, and the architecture finds the groups that it reads."""
    groups = pipeline.model_config.feature_groups
    vectors = _with_vectors(pipeline)
    steps = [feature_name(each) for each in features(pipeline) if has_steps(each)]
    by_steps = groups_of_steps(pipeline) - set(groups_of_interactions(pipeline))
    for index, group in enumerate(groups):
        check_layer_name(report, f"{_PATH}[{index}].group_name", group.group_name)
        is_stepwise = group.group_name in by_steps
        known, unread = (vectors + steps, []) if is_stepwise else (vectors, steps)
        _check_members(group, known, unread, f"{_PATH}[{index}].feature_names", report)
        of = f"group `{group.group_name}`"
        check_share(report, f"{_PATH}[{index}].dropout_ratio", group.dropout_ratio, of=of)
    names = [(f"{_PATH}[{index}]", group.group_name) for index, group in enumerate(groups)]
    check_unique(report, names)
    if not groups:
        report.should(_PATH, "group the features")
    elif architecture(pipeline):
        _check_read(pipeline, [name for _, name in names], report)


def _with_vectors(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The names of the features of which a group can make a vector."""
    passed = _Feature.PassThroughFeature
    return [
        feature_name(each)
        for each in features(pipeline)
        if each.feature_type != passed and not has_steps(each)
    ]


def _check_members(
    group: feature_pb2.FeatureGroupConfig,
    known: Sequence[str],
    steps: Sequence[str],
    path: str,
    report: Report,
) -> None:
    of = f"group `{group.group_name}`"
    members = group_features(group)
    for index, name in enumerate(group.feature_names):
        if not group_features(feature_pb2.FeatureGroupConfig(feature_names=[name])):
            report.should(f"{path}[{index}]", "count upwards", name, of=of)
    if not members:
        report.should(path, "name features", of=of)
    for index, name in enumerate(members):
        if name in steps:
            rule = "name a feature that is no sequence, or has a `sequence_encoder`"
            report.should(f"{path}[{index}]", rule, name, of=of)
        elif name not in known:
            report.should_name(f"{path}[{index}]", "a feature", name, known, of=of)
        elif name in members[:index]:
            report.should(f"{path}[{index}]", "name each feature once", name, of=of)


def _check_read(pipeline: pipeline_pb2.Pipeline, names: Sequence[str], report: Report) -> None:
    """The groups that the architecture reads exist; that others are not read is told."""
    reader, listed = architecture(pipeline), listed_groups(pipeline)
    for index, tower in enumerate(listed):
        if tower.input not in names:
            path = f"model_config.{reader}.groups[{index}].input"
            report.should_name(path, "a feature group", tower.input, names)
    has_blocks = pipeline.model_config.HasField("backbone")
    if not (listed or has_blocks) and "all" not in names:
        report.should(_PATH, f"have a group named `all`, which {reader} reads", names)
    read = {*groups_read(pipeline), *groups_of_interactions(pipeline)}
    _check_wide(pipeline, report)
    for index, name in enumerate(names):
        if name not in read:
            report.warn(f"{_PATH}[{index}]", "is read by nothing", of=f"group `{name}`")


def _check_wide(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """A group of one weight for each value is read by wide parts alone."""
    factors = groups_of_interactions(pipeline, ["fm"])
    for index, group in enumerate(pipeline.model_config.feature_groups):
        name = group.group_name
        if group.wide_deep != feature_pb2.WIDE or name not in {*groups_read(pipeline), *factors}:
            continue
        reader = "fm" if name in factors else architecture(pipeline)
        rule = (
            f"be DEEP, because {reader} reads the group; a WIDE one is for `interactions {{ wide "
            "{} }` of a `dnn`"
        )
        path = f"{_PATH}[{index}].wide_deep"
        report.should(path, rule, Word("WIDE"), of=f"group `{name}`")
