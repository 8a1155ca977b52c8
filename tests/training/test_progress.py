"""The line of progress, on clocks that the tests move."""

import io
import logging

import pytest

from tfmtl.training.progress import Progress, Stopwatch, duration, progress_line

LOSSES = {"loss": 0.51234, "loss_ctr": 0.3, "loss_cvr": 0.1056, "gradient_norm": 2.0}


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0s"), (59.4, "59s"), (130, "2m 10s"), (3599.9, "1h 00m"), (11105, "3h 05m")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_the_line_tells_step_speed_losses_rate_and_time_left():
    assert progress_line(1200, 5000, 35210.4, LOSSES, 0.001, 130.0) == (
        "step 1,200/5,000 · 2m 10s left · 35,210 examples/s · loss 0.5123 · ctr 0.3 · cvr 0.1056 · "
        "rate 0.001"
    )


def test_the_line_is_shorter_where_the_last_step_is_not_known():
    line = progress_line(7, 0, 90.0, {"loss": 0.5}, 0.002, None)
    assert line == "step 7 · 90 examples/s · loss 0.5 · rate 0.002"


def test_a_stopwatch_stands_still_while_paused(clock):
    watch = Stopwatch(clock)
    clock.seconds += 3
    with watch.paused():
        clock.seconds += 50
    clock.seconds += 1
    assert watch.seconds == 4


def test_a_log_gets_a_line_every_so_many_steps(clock, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    progress = Progress(Stopwatch(clock), every=4, num_steps=20, stream=io.StringIO())
    progress.start(0, 0)
    assert [step for step in range(1, 13) if progress.is_due(step)] == [4, 8, 12]
    clock.seconds += 2
    progress.tell(4, 40, {"loss": 0.5}, 0.1)
    assert caplog.messages == ["step 4/20 · 8s left · 20 examples/s · loss 0.5 · rate 0.1"]


def test_the_speed_is_that_since_the_line_before(clock, caplog):
    caplog.set_level(logging.INFO, "tfmtl")
    progress = Progress(Stopwatch(clock), every=1, stream=io.StringIO())
    progress.start(10, 100)
    for rows, seconds in [(200, 1), (250, 2)]:
        clock.seconds += seconds
        progress.tell(11, rows, {"loss": 0.5}, 0.1)
    assert ["100 examples/s" in caplog.messages[0], "25 examples/s" in caplog.messages[1]] == [1, 1]


def test_a_terminal_gets_one_line_that_is_written_over(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    terminal = Terminal()
    progress = Progress(Stopwatch(clock), every=1000, stream=terminal)
    progress.start(0, 0)
    assert not progress.is_due(1)
    clock.seconds += 1
    assert progress.is_due(2)
    progress.tell(2, 20, {"loss": 0.5}, 0.1)
    progress.end_line()
    progress.end_line()
    assert terminal.getvalue() == "\r\x1b[Kstep 2 · 20\n"
