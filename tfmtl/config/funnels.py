"""The funnel of a config: events that users come to, and the steps between them.

From the first event, such as the impression, steps lead to others. A step starts at an event and
has outcomes, of which at most one comes next: each is an event, with the tower that says how likely
it is. An outcome without a tower is what the others of its step leave. Ways may part and meet
again, as in esm2:

    impression ─▶ click ─┬▶ action ─┬▶ buy
                         └▶ other ──┘

A tower whose step starts at the first event is a task as ever. The other towers are of conditional
steps, and the events they lead to are tasks of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from tfmtl.config import order
from tfmtl.config.views import Tower, architecture, towers
from tfmtl.protos import pipeline_pb2

# esm2's events, the tasks among them by the names of the paper's pCTAVR and pCTCVR.
_ESM2_ROOT, _ESM2_CLICK, _ESM2_OTHER = "impression", "click", "other"
ESM2_ACTION, ESM2_BUY = "ctavr", "ctcvr"


class Outcome(NamedTuple):
    """What may come of a step.

    Args:
        event: The event.
        tower: Who says how likely it is; "" for what the other outcomes leave.
    """

    event: str
    tower: str


class Step(NamedTuple):
    """What may follow an event; at most one of the outcomes does."""

    start: str
    outcomes: Sequence[Outcome]

    @property
    def towers(self) -> list[str]:
        """The towers of the outcomes, and at last "", for what they leave."""
        return [*(outcome.tower for outcome in self.outcomes if outcome.tower), ""]

    @property
    def is_certain(self) -> bool:
        """Whether one of the outcomes always comes: one of them is what the others leave."""
        return any(not outcome.tower for outcome in self.outcomes)


class Branching(NamedTuple):
    """A step, as it is seen on the ways to some event.

    Args:
        start: Where it starts.
        towards: The outcomes on the ways.
        away: The towers of all other outcomes, and "" for what is left if that is not on the ways.
    """

    start: str
    towards: Sequence[Outcome]
    away: Sequence[str]


class Funnel:
    """Events and steps. Until `circle` is known to be empty, no event may be asked for.

    Args:
        steps: The steps.
        labelled: The names of the towers that have a label.
    """

    def __init__(self, steps: Iterable[Step], labelled: Collection[str] = ()) -> None:
        self.steps = list(steps)
        self._labelled = frozenset(labelled)

    @property
    def events(self) -> list[str]:
        """All events, in the order in which the steps name them."""
        named = [[step.start, *(each.event for each in step.outcomes)] for step in self.steps]
        return list(dict.fromkeys(event for events in named for event in events))

    @property
    def roots(self) -> list[str]:
        """The events that no step leads to: one, in a sound funnel."""
        reached = {outcome.event for step in self.steps for outcome in step.outcomes}
        return [event for event in self.events if event not in reached]

    @property
    def reached(self) -> list[str]:
        """The events to which steps lead from a root, and the roots."""
        found = self.roots
        for event in found:  # Which grows meanwhile.
            found += [each for each in self._next(event) if each not in found]
        return found

    @property
    def circle(self) -> list[str]:
        """A way from an event back to it; [] if there is none."""
        return order.circle({event: self._next(event) for event in self.events})

    @property
    def towers(self) -> list[str]:
        """The names of its towers, in the order of the steps."""
        return [each.tower for step in self.steps for each in step.outcomes if each.tower]

    @property
    def marginals(self) -> list[str]:
        """The events that are tasks: a tower leads there, and not from the root."""
        events = [each.event for step in self.steps for each in step.outcomes if each.tower]
        return [event for event in dict.fromkeys(events) if not self._is_first(event)]

    def is_conditional(self, tower: str) -> bool:
        """Whether a tower's step starts at another event than the root."""
        return tower in self.towers and self.step_of(tower).start not in self.roots

    def step_of(self, tower: str) -> Step:
        """The step that a tower is of."""
        return next(step for step in self.steps if tower in step.towers[:-1])

    def event_of(self, tower: str) -> str:
        """The event that a tower's outcome is."""
        outcomes = self.step_of(tower).outcomes
        return next(outcome.event for outcome in outcomes if outcome.tower == tower)

    def towers_to(self, event: str) -> list[str]:
        """The towers whose outcome is an event."""
        outcomes = [outcome for step in self.steps for outcome in step.outcomes]
        return [each.tower for each in outcomes if each.tower and each.event == event]

    def steps_to(self, event: str) -> list[Step]:
        """The steps of which an event is an outcome."""
        return [
            step for step in self.steps if any(outcome.event == event for outcome in step.outcomes)
        ]

    def ancestors(self, event: str) -> list[str]:
        """The events on the ways to an event, each before those that follow it."""
        *before, _ = order.ordered(self._starts, [event])
        return before

    def branchings(self, event: str) -> list[Branching]:
        """The steps on the ways to an event, each after those that lead to where it starts."""
        on_ways = {event, *self.ancestors(event)}
        return [
            _seen_from(on_ways, step)
            for start in self.ancestors(event)
            for step in self.steps
            if step.start == start and any(each.event in on_ways for each in step.outcomes)
        ]

    def is_observed(self, event: str) -> bool:
        """Whether labels tell if an event happened."""
        return all(
            self._is_labelled(each, step)
            for each in [event, *self.ancestors(event)]
            for step in self.steps_to(each)
        )

    def measured(self, tower: str) -> list[str]:
        """Where the metrics of a tower are taken: its event, and its step among rows that came."""
        if not self.is_conditional(tower):
            return [tower] if tower in self._labelled else []
        is_seen = tower in self._labelled and self.is_observed(self.step_of(tower).start)
        return [*self.trained_by(tower), *([masked(tower)] if is_seen else [])]

    def trained_by(self, tower: str) -> list[str]:
        """The task whose loss is that of a tower's label; the first tower to an event has it."""
        if tower not in self._labelled:
            return []
        if not self.is_conditional(tower):
            return [tower]
        event = self.event_of(tower)
        return [event] if self.towers_to(event)[0] == tower else []

    def _next(self, event: str) -> list[str]:
        """The events that may follow an event at once."""
        steps = [step for step in self.steps if step.start == event]
        return list(dict.fromkeys(each.event for step in steps for each in step.outcomes))

    @property
    def _starts(self) -> dict[str, list[str]]:
        """Where the steps start that lead to each event."""
        starts: dict[str, list[str]] = {}
        for step in self.steps:
            for outcome in step.outcomes:
                starts.setdefault(outcome.event, []).append(step.start)
        return starts

    def _is_first(self, event: str) -> bool:
        return all(step.start in self.roots for step in self.steps_to(event))

    def _is_labelled(self, event: str, step: Step) -> bool:
        """Whether labels tell what a step led to: the outcome's own, or those of all others."""
        own = [outcome.tower for outcome in step.outcomes if outcome.event == event]
        asked = [tower for tower in own if tower] or step.towers[:-1]
        return self._labelled.issuperset(asked)


def funnel_of(pipeline: pipeline_pb2.Pipeline) -> Funnel | None:
    """The funnel that a config describes; None without."""
    labelled = [tower.tower_name for tower in towers(pipeline) if tower.label_name]
    if architecture(pipeline) == "esm2":
        return Funnel(_esm2_steps(towers(pipeline)), labelled)
    if not pipeline.model_config.HasField("funnel"):
        return None
    return Funnel(
        [
            Step(step.from_event, [Outcome(o.event_name, o.tower_name) for o in step.outcomes])
            for step in pipeline.model_config.funnel.steps
        ],
        labelled,
    )


def masked(tower: str) -> str:
    """What the metrics of a conditional step end in, which are of the rows that came to it."""
    return f"{tower}_masked"


def _seen_from(on_ways: Collection[str], step: Step) -> Branching:
    towards = [outcome for outcome in step.outcomes if outcome.event in on_ways]
    kept = [outcome.tower for outcome in towards]
    return Branching(step.start, towards, [tower for tower in step.towers if tower not in kept])


def _esm2_steps(its_towers: Sequence[Tower]) -> list[Step]:
    names = [tower.tower_name for tower in its_towers]
    if len(set(names) - {""}) != 4:
        return []  # That is told.
    click, action, buy_after_action, buy_after_other = names
    return [
        Step(_ESM2_ROOT, [Outcome(_ESM2_CLICK, click)]),
        Step(_ESM2_CLICK, [Outcome(ESM2_ACTION, action), Outcome(_ESM2_OTHER, "")]),
        Step(ESM2_ACTION, [Outcome(ESM2_BUY, buy_after_action)]),
        Step(_ESM2_OTHER, [Outcome(ESM2_BUY, buy_after_other)]),
    ]
