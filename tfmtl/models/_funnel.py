"""The funnel beside an architecture: its towers as conditional steps, and the events they lead to.

    q_k = p(event | the event before) = σ(c_k)                or a share, where outcomes exclude
    p(event) = Σ over the ways to it of Π q

The losses are on p(event), over all rows; a step that does not start at the first event has none of
its own. Towers that are no steps are left as they are.

References:
    Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, https://arxiv.org/abs/1804.07931
    Wen et al., "Entire Space Multi-Task Modeling via Post-Click Behavior Decomposition for
    Conversion Rate Prediction", SIGIR 2020, https://arxiv.org/abs/1910.07099
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.funnels import Branching, Funnel, Step, masked
from tfmtl.config.views import Tower
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import (
    AnyLabel,
    ComplementLabel,
    Label,
    LabelIndicator,
    ProductLabel,
    SampleSpace,
    Task,
    UnknownLabel,
    build_factors,
    build_head,
    build_label,
    build_metrics,
    build_task,
    build_terms,
)


def funnel_logits(
    funnel: Funnel, towers: Mapping[str, keras.KerasTensor]
) -> dict[str, keras.KerasTensor]:
    """The logits of a funnel's tasks: first the towers, then the events.

    Args:
        funnel: The funnel.
        towers: The logits of all towers of the architecture, each `(batch, units)`.

    Returns:
        Logits by task. Those of a step are of its probability given the event where it starts.
    """
    steps = {name: _outcome_logits(funnel.step_of(name), name, towers) for name in funnel.towers}
    events = {event: _event_logits(funnel, event, towers) for event in funnel.marginals}
    return {**towers, **steps, **events}


def funnel_tasks(
    funnel: Funnel, towers: Sequence[Tower], pipeline: pipeline_pb2.Pipeline
) -> list[Task]:
    """The tasks of a funnel, in the order of `funnel_logits`.

    Args:
        funnel: The funnel.
        towers: All towers of the architecture.
        pipeline: The config.
    """
    return _Tasks(funnel, towers, pipeline).build()


def _outcome_logits(
    step: Step, tower: str, logits: Mapping[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """The logit of one outcome, given where its step starts."""
    *outcomes, _ = step.towers
    if len(outcomes) == 1:
        return logits[tower]
    layer = layers.OutcomeLogit(outcomes.index(tower), name=f"{tower}_outcome")
    return layer([logits[each] for each in outcomes])


def _event_logits(
    funnel: Funnel, event: str, logits: Mapping[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """The logit of an event over all rows, of the layer `<event>_logits`."""
    branchings = funnel.branchings(event)
    inputs = list(dict.fromkeys(tower for each in branchings for tower in _towers(each) if tower))
    places = {"": layers.REST, **{tower: place for place, tower in enumerate(inputs)}}
    steps = [
        (
            each.start,
            [(outcome.event, places[outcome.tower]) for outcome in each.towards],
            [places[tower] for tower in each.away],
        )
        for each in branchings
    ]
    return layers.EventLogit(steps, name=f"{event}_logits")([logits[tower] for tower in inputs])


def _towers(branching: Branching) -> list[str]:
    return [*(outcome.tower for outcome in branching.towards), *branching.away]


class _Tasks:
    """Makes the tasks of a funnel."""

    def __init__(
        self, funnel: Funnel, towers: Sequence[Tower], pipeline: pipeline_pb2.Pipeline
    ) -> None:
        self._funnel = funnel
        self._towers = {tower.tower_name: tower for tower in towers}
        self._pipeline = pipeline

    def build(self) -> list[Task]:
        towers = [self._of_tower(tower) for tower in self._towers.values()]
        return [*towers, *(self._of_event(event) for event in self._funnel.marginals)]

    def _of_tower(self, tower: Tower) -> Task:
        name = tower.tower_name
        if name not in self._funnel.towers:
            return build_task(tower, self._pipeline)
        if not self._funnel.measured(name):
            return _only_served(name, tower)
        if not self._funnel.is_conditional(name):
            return build_task(tower, self._pipeline)
        return self._of_step(tower)

    def _of_step(self, tower: Tower) -> Task:
        """A conditional step: only measured, on the rows that came to where it starts."""
        name, head = tower.tower_name, build_head(tower)
        came = self._happened(self._funnel.step_of(name).start)
        factors = build_factors(tower, self._pipeline)
        if came is not None:
            factors.append(LabelIndicator(came, inside=1.0, outside=0.0))
        is_measured = masked(name) in self._funnel.measured(name)
        return Task(
            name,
            head,
            SampleSpace(build_label(tower), factors),
            trained=False,
            metrics=build_metrics(tower, head, self._pipeline) if is_measured else {},
            suffix=masked(name),
        )

    def _of_event(self, event: str) -> Task:
        """An event over all rows, as the first tower that leads there describes it."""
        tower = self._towers[self._funnel.towers_to(event)[0]]
        label = self._happened(event)
        if label is None or not tower.label_name:
            return _only_served(event, tower)
        head = build_head(tower)
        return Task(
            event,
            head,
            SampleSpace(label, build_factors(tower, self._pipeline)),
            weight=tower.weight,
            metrics=build_metrics(tower, head, self._pipeline),
            terms=build_terms(event, tower, self._pipeline),
        )

    def _happened(self, event: str) -> Label | None:
        """Whether an event happened, as far as labels tell; None if it did for all they tell."""
        steps = self._funnel.steps_to(event)
        if not steps:
            return None
        came, outcome = self._any([step.start for step in steps]), self._outcome(event, steps[0])
        if came is None or outcome is None:
            return came if outcome is None else outcome
        return ProductLabel(came, outcome)

    def _any(self, events: Sequence[str]) -> Label | None:
        """Whether one of some events happened, which exclude each other."""
        if len(events) == 1:
            return self._happened(events[0])
        for step in self._funnel.steps:
            # One of all outcomes comes of every step that was made, whichever it is.
            if step.is_certain and set(events) == {outcome.event for outcome in step.outcomes}:
                return self._happened(step.start)
        labels = [self._happened(event) for event in events]
        known = [label for label in labels if label is not None]
        return AnyLabel(known) if len(known) == len(labels) else None

    def _outcome(self, event: str, step: Step) -> Label | None:
        """Whether a step that was made led to an event."""
        tower = next(outcome.tower for outcome in step.outcomes if outcome.event == event)
        if tower:
            return self._label(tower)
        labels = [self._label(each) for each in step.towers[:-1]]
        known = [label for label in labels if label is not None]
        return ComplementLabel(AnyLabel(known)) if len(known) == len(labels) else None

    def _label(self, tower: str) -> Label | None:
        message = self._towers[tower]
        return build_label(message) if message.label_name else None


def _only_served(name: str, tower: Tower) -> Task:
    """A task that no label tells of."""
    return Task(name, build_head(tower), SampleSpace(UnknownLabel()), trained=False, metrics={})
