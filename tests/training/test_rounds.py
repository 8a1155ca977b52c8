"""Rounds: when they are held, in which order things happen, and what an interrupt leaves out."""

import json

import pytest

from tfmtl.training.best import Best
from tfmtl.training.evaluation import LeftOff
from tfmtl.training.journal import Journal
from tfmtl.training.rounds import Rounds, Timetable
from tfmtl.training.state import TrainingState


class World:
    """Fakes of all that rounds touch; `events` tells what happened."""

    received = False
    tables = {"reliability": {"ctr": []}}

    def __init__(self, model_dir, script=(), patience=None):
        self.model_dir = str(model_dir)
        self.state = TrainingState()
        self.script = dict(script)
        self.events = []
        best = Best("auc_ctr", True, self.state, patience)
        self.rounds = Rounds(
            self, self, best, Timetable(10), self, Quiet(self.events), self.evaluated
        )

    def save(self):
        self.events.append(("save", self.state.step, self.state.evaluation_due))
        return "path"

    def save_best(self):
        self.events.append(("best", self.state.step))

    def run(self, stopped):
        if stopped():
            raise LeftOff
        self.events.append(("evaluate", self.state.step))
        return {"auc_ctr": self.script.get(self.state.step)}

    def evaluated(self, results, is_best):
        self.events.append(("told", results["auc_ctr"], is_best))

    def train(self, last):
        """Steps until the last one, or until the rounds have had enough."""
        while self.state.step < last and not self.rounds.wants_stop:
            self.state.step += 1
            self.rounds.after_step({})
        self.rounds.finish(ended=self.state.step == last)


class Quiet(Journal):
    def __init__(self, events):
        self.events = events

    def paused(self):
        import contextlib

        return contextlib.nullcontext()

    def evaluation(self, results):
        self.events.append("point")


def test_a_round_saves_then_evaluates_then_keeps_the_best_then_tells(tmp_path):
    world = World(tmp_path, {10: 0.6})
    world.train(10)
    assert world.events == [
        ("save", 10, True),
        ("evaluate", 10),
        "point",
        ("best", 10),
        ("told", 0.6, True),
    ]
    assert world.rounds.results == {"auc_ctr": 0.6}
    result = json.loads((tmp_path / "eval_result.json").read_text())
    assert result == {"global_step": 10, "auc_ctr": 0.6, "reliability": {"ctr": []}}


def test_an_evaluation_that_is_not_better_is_told_but_not_kept(tmp_path):
    world = World(tmp_path, {10: 0.6, 20: 0.5})
    world.train(20)
    assert ("best", 20) not in world.events
    assert world.events[-1] == ("told", 0.5, False)


def test_the_last_round_is_held_at_any_step_but_not_twice(tmp_path):
    saves = []
    for last in (20, 23):
        world = World(tmp_path)
        world.train(last)
        saves.append([event[1] for event in world.events if event[0] == "save"])
    assert saves == [[10, 20], [10, 20, 23]]


def test_training_stops_when_no_evaluation_was_better_for_too_long(tmp_path):
    script = {10: 0.5, 20: 0.7, 30: 0.6, 40: 0.69, 50: 0.9}
    world = World(tmp_path, script, patience=20)
    world.train(1000)
    assert world.state.step == 40
    assert (world.state.best_step, world.state.best_value) == (20, 0.7)


def test_an_interrupted_training_saves_and_does_not_evaluate(tmp_path):
    world = World(tmp_path)
    world.state.step = 3
    world.received = True
    world.train(1000)
    assert world.events == [("save", 3, False)]


def test_an_interrupt_in_the_last_step_leaves_the_evaluation_to_be_made_up_for(tmp_path):
    world = World(tmp_path)
    world.state.step = 7
    world.received = True
    world.train(7)
    assert world.events == [("save", 7, True)]


def test_an_interrupt_during_an_evaluation_leaves_it_off(tmp_path):
    world = World(tmp_path)
    world.state.step = 9
    world.received = True
    world.state.step = 10
    world.rounds.after_step({})
    assert world.events == [("save", 10, True)]
    assert world.rounds.results is None


def test_a_resumed_training_makes_up_for_the_evaluation_that_was_due(tmp_path):
    world = World(tmp_path, {10: 0.6})
    world.state.step, world.state.evaluation_due = 10, True
    world.rounds.resume()
    assert [event[0] for event in world.events] == ["evaluate", "p", "best", "told"]


def test_a_resumed_training_that_was_interrupted_has_nothing_to_make_up_for(tmp_path):
    world = World(tmp_path)
    world.state.step = 7
    world.rounds.resume()
    world.rounds.finish(ended=True)
    assert world.events == []


@pytest.mark.parametrize(("steps", "due"), [(4, [4, 8, 12]), (5, [5, 10])])
def test_a_timetable_goes_by_steps(steps, due):
    timetable = Timetable(steps)
    assert [step for step in range(1, 13) if timetable.is_due(step)] == due


def test_a_timetable_goes_by_seconds_since_the_last_round():
    seconds = iter([0, 5, 11, 11, 15, 22, 22])
    timetable = Timetable(1000, 10, lambda: next(seconds))
    assert [timetable.is_due(step) for step in range(1, 5)] == [False, True, False, True]
