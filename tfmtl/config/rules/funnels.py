"""Rules of funnels: esmm, division and esm2, and the `funnel` beside any other architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl.config.funnels import ESM2_ACTION, ESM2_BUY, Funnel, funnel_of
from tfmtl.config.heads import EVENT, NUMBER
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_layer_name, check_unique
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.losses import check_kind
from tfmtl.config.views import (
    DIVISION_CLIPPED,
    DIVISION_RATIO,
    ESMM_PRODUCT,
    PlacedTower,
    architecture,
    placed_towers,
    tower_losses,
)
from tfmtl.config.wording import Word, one_of
from tfmtl.protos import model_pb2, pipeline_pb2
from tfmtl.protos.loss_pb2 import LossType

_PATH = "model_config.funnel"
_EVENT, _VALUE = (EVENT,), (EVENT, NUMBER)
# Those that have a funnel of their own.
_FUNNELS = ("esmm", "division", "esm2")
# What towers that lead to one event must agree on, because the event has it from them.
_COMMON = (
    "label_name",
    "weight",
    "missing_label",
    "use_sample_weight",
    "task_space_indicator_label",
    "task_space_indicator_name",
    "task_space_indicator_value",
    "in_task_space_weight",
    "out_task_space_weight",
)


def check_esmm(message: model_pb2.ESMM, path: str, report: Report) -> None:
    """There are both steps; the second may be of a value."""
    _check_groups(message, path, report)
    kinds = {"ctr_tower": _EVENT, "cvr_tower": _VALUE}
    names = {ESMM_PRODUCT: "the product of its towers"}
    _check_steps(message, path, report, kinds, names)


def check_division(message: model_pb2.Division, path: str, report: Report) -> None:
    """There are both models."""
    _check_groups(message, path, report)
    kinds = dict.fromkeys(("ctr_tower", "ctcvr_tower"), _EVENT)
    names = {
        DIVISION_RATIO: "the quotient of its towers",
        DIVISION_CLIPPED: "whether the quotient was clipped",
    }
    _check_steps(message, path, report, kinds, names)


def check_esm2(message: model_pb2.ESM2, path: str, report: Report) -> None:
    """There are the four steps, and one label of the purchase."""
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn)
    fields = ("click_tower", "action_tower", "buy_after_action_tower", "buy_after_other_tower")
    names = {ESM2_ACTION: "click and action", ESM2_BUY: "click and purchase"}
    _check_steps(message, path, report, dict.fromkeys(fields, _EVENT), names)


def check_funnel(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """The steps make a way from one event to all others, and labels tell of it."""
    name, funnel = architecture(pipeline), funnel_of(pipeline)
    if funnel is None:
        return
    if name in _FUNNELS and pipeline.model_config.HasField("funnel"):
        report.should(_PATH, f"be left out, because {name} is a funnel itself", Word("funnel"))
        return
    placed, before = placed_towers(pipeline), len(report.problems)
    if name not in _FUNNELS:
        _check_steps_beside(funnel, pipeline, placed, report)
    if len(report.problems) > before:
        return  # The rest takes a sound funnel.
    _check_event_names(funnel, placed, report)
    _check_spaces(funnel, placed, report)
    _check_common(funnel, placed, report)
    _check_learned(funnel, placed, report)


def _check_steps_beside(
    funnel: Funnel,
    pipeline: pipeline_pb2.Pipeline,
    placed: Sequence[PlacedTower],
    report: Report,
) -> None:
    """Steps have towers and outcomes, and lead from one event to all others, never back."""
    before, aitm = len(report.problems), pipeline.model_config.aitm
    if architecture(pipeline) == "aitm" and aitm.order_weight:
        rule = "be 0 beside `funnel`, whose steps are conditional and have no order"
        report.should("model_config.aitm.order_weight", rule, aitm.order_weight)
    _check_towers(pipeline, placed, report)
    if not funnel.steps:
        report.should(f"{_PATH}.steps", "describe the steps")
    for place, step in enumerate(pipeline.model_config.funnel.steps):
        _check_step(step, f"{_PATH}.steps[{place}]", report)
    if len(report.problems) == before:
        _check_ways(funnel, report)


def _check_groups(message: model_pb2.ESMM | model_pb2.Division, path: str, report: Report) -> None:
    for index, group in enumerate(message.groups):
        of = f"group `{group.input}`"
        check_dnn(report, f"{path}.groups[{index}].dnn", group.dnn, of=of)
    inputs = [(f"{path}.groups[{index}]", each.input) for index, each in enumerate(message.groups)]
    check_unique(report, inputs)


def _check_steps(
    message: model_pb2.ESMM | model_pb2.Division | model_pb2.ESM2,
    path: str,
    report: Report,
    kinds: Mapping[str, Sequence[str]],
    taken: Mapping[str, str],
) -> None:
    """Towers are there, have one logit, and names that are not taken.

    Args:
        message: The architecture's message.
        path: Where it stands.
        report: Takes the problems.
        kinds: The kinds of head that the tower in each field may have.
        taken: The names by which the architecture serves more, and what.
    """
    for field, its_kinds in kinds.items():
        if not message.HasField(field):
            report.should(f"{path}.{field}", "describe a task")
            continue
        tower, name = getattr(message, field), path.rpartition(".")[2]
        check_kind(tower, its_kinds, f"{path}.{field}", name, report)
        if tower.tower_name in taken:
            rule = f"be another name; {name} serves {taken[tower.tower_name]} by this one"
            report.should(f"{path}.{field}.tower_name", rule, tower.tower_name)


def _check_towers(
    pipeline: pipeline_pb2.Pipeline, placed: Sequence[PlacedTower], report: Report
) -> None:
    """Outcomes name towers that there are, each once, and that are probabilities."""
    by_name = {each.tower.tower_name: each for each in placed}
    named = []
    for place, step in enumerate(pipeline.model_config.funnel.steps):
        for index, outcome in enumerate(step.outcomes):
            path = f"{_PATH}.steps[{place}].outcomes[{index}].tower_name"
            if not outcome.tower_name:
                continue
            if outcome.tower_name not in by_name:
                report.should_name(path, "a tower", outcome.tower_name, by_name)
            elif outcome.tower_name in named:
                report.should(path, "name each tower once", outcome.tower_name)
            else:
                tower_path, tower = by_name[outcome.tower_name]
                check_kind(tower, _EVENT, tower_path, "a funnel", report)
            named.append(outcome.tower_name)


def _check_step(step: model_pb2.FunnelStep, path: str, report: Report) -> None:
    """A step has a start, and outcomes of which one at most is what the others leave."""
    if not step.from_event:
        report.should(f"{path}.from_event", "name an event")
    if not step.outcomes:
        report.should(f"{path}.outcomes", "say what may follow")
    for index, outcome in enumerate(step.outcomes):
        check_layer_name(report, f"{path}.outcomes[{index}].event_name", outcome.event_name)
    places = [(f"{path}.outcomes[{i}]", each.event_name) for i, each in enumerate(step.outcomes)]
    check_unique(report, places)
    rest = [outcome.event_name for outcome in step.outcomes if not outcome.tower_name]
    if step.outcomes and len(rest) == len(step.outcomes):
        report.should(f"{path}.outcomes", "have a tower for all but one", rest)
    elif len(rest) > 1:
        report.should(f"{path}.outcomes", "have one at most without a tower", rest)


def _check_ways(funnel: Funnel, report: Report) -> None:
    """There is one root, a way to every event, and no way back."""
    path, roots = f"{_PATH}.steps", funnel.roots
    if len(roots) > 1:
        report.should(path, "start at one event that no step leads to", roots)
        return
    lost = [event for event in funnel.events if event not in funnel.reached]
    if lost:
        start = f"`{roots[0]}`" if roots else "one that no step leads to"
        report.should(path, f"reach every event from {start}", Word(f"no way to {one_of(lost)}"))
        return
    if funnel.circle:
        report.should(path, "not lead back to an event", Word(" → ".join(funnel.circle)))
        return
    for event in funnel.events:
        _check_exclusion(funnel, event, report)


def _check_exclusion(funnel: Funnel, event: str, report: Report) -> None:
    """Ways to an event part at outcomes that exclude each other, and meet there alone."""
    if 1 < len(funnel.steps_to(event)) != len(funnel.towers_to(event)):
        rule = f"lead to `{event}` by towers alone, or by one outcome without a tower alone"
        report.should(f"{_PATH}.steps", rule, funnel.towers_to(event))
    branchings = funnel.branchings(event)
    starts = [each.start for each in branchings]
    for start in dict.fromkeys(starts):
        if starts.count(start) > 1:
            rule = (
                f"lead from `{start}` to `{event}` by the outcomes of one step, which exclude each "
                "other"
            )
            report.should(f"{_PATH}.steps", rule, Word(f"{starts.count(start)} steps"))
    for each in branchings:
        events = [outcome.event for outcome in each.towards]
        if event in events and len(events) > 1:
            rule = f"not have `{event}` beside outcomes that lead to it"
            report.should(f"{_PATH}.steps", rule, events)


def _check_event_names(funnel: Funnel, placed: Sequence[PlacedTower], report: Report) -> None:
    """Events that are tasks are not called as towers are."""
    towers = {each.tower.tower_name: each.path for each in placed}
    for event in funnel.marginals:
        if event in towers:
            rule = f"not call an event, which is a task too, by the name of `{towers[event]}`"
            report.should(f"{_PATH}.steps", rule, event)


def _check_spaces(funnel: Funnel, placed: Sequence[PlacedTower], report: Report) -> None:
    """Tells of events that are not learned over all rows."""
    for path, tower in placed:
        asked = tower.task_space_indicator_label or tower.task_space_indicator_name
        if asked and funnel.is_conditional(tower.tower_name):
            event = funnel.event_of(tower.tower_name)
            sentence = f"weighs the rows of event `{event}`, too, which else are all rows alike"
            report.warn(path, sentence, of=f"tower `{tower.tower_name}`")


def _check_common(funnel: Funnel, placed: Sequence[PlacedTower], report: Report) -> None:
    """Towers that lead to one event agree on what the event has from them."""
    by_name = {each.tower.tower_name: each for each in placed}
    for event in funnel.marginals:
        first, *others = [by_name[name] for name in funnel.towers_to(event) if name in by_name]
        for other in others:
            for field in _COMMON:
                wanted, received = getattr(first.tower, field), getattr(other.tower, field)
                if wanted != received:
                    rule = f"be that of `{first.path}`, which leads to `{event}` too"
                    report.should(f"{other.path}.{field}", rule, received)
            if tower_losses(first.tower) != tower_losses(other.tower):
                rule = f"be as those of `{first.path}`, which leads to `{event}` too"
                field = "losses" if other.tower.losses or first.tower.losses else "loss_type"
                names = [LossType.Name(each.loss_type) for each in tower_losses(other.tower)]
                report.should(f"{other.path}.{field}", rule, [Word(each) for each in names])


def _check_learned(funnel: Funnel, placed: Sequence[PlacedTower], report: Report) -> None:
    """Every tower leads to a label."""
    labelled = {funnel.event_of(name) for name in funnel.towers if funnel.trained_by(name)}
    for path, tower in placed:
        if tower.tower_name not in funnel.towers:
            continue
        event = funnel.event_of(tower.tower_name)
        if not any(each == event or event in funnel.ancestors(each) for each in labelled):
            rule = f"be given, because no event from `{event}` on has a label"
            report.should(f"{path}.label_name", rule, of=f"tower `{tower.tower_name}`")
