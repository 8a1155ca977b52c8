"""Rules of interactions: where they stand, and the feature groups that they read."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.widths import feature_widths
from tfmtl.config.stacks import PlacedInteraction, PlacedStack, placed_interactions, placed_stacks
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import interaction_pb2, pipeline_pb2

_KINDS = [each.name for each in interaction_pb2.Interaction.DESCRIPTOR.fields]
_TOWERS = ("TaskTower.dnn", "BayesTaskTower.dnn")
# The bottoms that are built one by one. Whatever is not here is layers alone.
_BOTTOMS = (
    "shared_bottom.bottom_dnn",
    "asymmetric_sharing.bottoms.dnn",
    "customized_sharing.bottom_dnn",
    "customized_sharing.task_bottom_dnn",
    "esmm.groups.dnn",
    "division.groups.dnn",
    "esm2.bottom_dnn",
    "dbmtl.bottom_dnn",
    "aitm.bottom_dnn",
    "single_task.bottom_dnn",
)


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Interactions stand in towers and in bottoms, and find what they read."""
    stacks = placed_stacks(pipeline)
    for stack in stacks:
        interactions = placed_interactions(stack)
        if not interactions:
            continue
        if stack.field not in _TOWERS and stack.place not in _BOTTOMS:
            _refuse(stack, interactions, report)
            continue
        for each in interactions:
            _check_interaction(each, pipeline, report, stack.of)
        _check_distinct(stack, interactions, report)
        if stack.field in _TOWERS and not all(map(_is_of_tower, stacks)):
            _check_input_is_read(stack, interactions, report)


def _is_of_tower(stack: PlacedStack) -> bool:
    """Whether a stack is a task's own, its relation included."""
    return stack.field.startswith(("TaskTower.", "BayesTaskTower."))


def _refuse(stack: PlacedStack, interactions: list[PlacedInteraction], report: Report) -> None:
    rule = (
        "be left out, because they are read in towers and in bottoms that are built one by one, "
        "not here"
    )
    kinds = [Word(each.kind) for each in interactions if each.kind]
    report.should(f"{stack.path}.interactions", rule, kinds or None, of=stack.of)


def _check_interaction(
    each: PlacedInteraction, pipeline: pipeline_pb2.Pipeline, report: Report, of: str
) -> None:
    path = f"{each.path}.{each.kind}"
    if not each.kind:
        report.should(each.path, f"have one of {one_of(_KINDS)}", of=of)
    elif each.kind == "dcn":
        check_at_least(report, f"{path}.num_layers", each.parameters.num_layers, 1, of=of)
    else:
        _check_group(each, f"{path}.group_name", pipeline, report, of)
    if each.kind == "wide":
        check_at_least(report, f"{path}.output_dim", each.parameters.output_dim, 1, of=of)


def _check_group(
    each: PlacedInteraction, path: str, pipeline: pipeline_pb2.Pipeline, report: Report, of: str
) -> None:
    """The group exists; that of a factorization machine has features to multiply."""
    name = each.parameters.group_name
    groups = [group.group_name for group in pipeline.model_config.feature_groups]
    if name not in groups:
        report.should_name(path, "a feature group", name, groups, of=of)
    elif each.kind == "fm" and (rule := _rule_of_factors(name, pipeline)):
        report.should(path, rule, name, of=of)


def _rule_of_factors(group: str, pipeline: pipeline_pb2.Pipeline) -> str:
    """What a group that fm reads should be and is not; "" if it has factors to multiply."""
    if _has_attention(group, pipeline):
        return (
            "name a group without `sequence_features`, because fm multiplies pairs of the features "
            "themselves"
        )
    widths = feature_widths(pipeline, group)
    if len(widths) < 2:
        return "name a group of two features or more, because fm multiplies pairs of them"
    (first, wanted), *others = widths.items()
    other = next((name for name, width in others if width != wanted), None)
    if other is None:
        return ""
    return (
        "name a group of features of one width, because fm multiplies them; "
        f"`{first}` has {wanted} and `{other}` {widths[other]}"
    )


def _has_attention(name: str, pipeline: pipeline_pb2.Pipeline) -> bool:
    groups = pipeline.model_config.feature_groups
    return any(each.group_name == name and each.sequence_features for each in groups)


def _check_distinct(
    stack: PlacedStack, interactions: list[PlacedInteraction], report: Report
) -> None:
    """There is one cross network, and no group is read twice in the same way."""
    crosses = [each for each in interactions if each.kind == "dcn"]
    if len(crosses) > 1:
        path = f"{stack.path}.interactions"
        report.should(path, "have one dcn at most", len(crosses), of=stack.of)
    seen: set[tuple[str, str]] = set()
    for each in interactions:
        if each.kind not in ("wide", "fm"):
            continue
        group = each.parameters.group_name
        if (each.kind, group) in seen:
            path, rule = (
                f"{each.path}.{each.kind}.group_name",
                f"name another group than the {each.kind} before it",
            )
            report.should(path, rule, group, of=stack.of)
        seen.add((each.kind, group))


def _check_input_is_read(
    stack: PlacedStack, interactions: list[PlacedInteraction], report: Report
) -> None:
    """Tells of a tower on experts or bottoms of which it reads nothing."""
    if not any(stack.dnn.hidden_units) and all(
        each.kind in ("wide", "fm") for each in interactions
    ):
        sentence = "reads feature groups alone, because it has no `hidden_units`"
        report.warn(stack.path, sentence, of=stack.of)
