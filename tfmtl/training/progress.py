"""How a training tells where it is: a live line in a terminal, lines of a log elsewhere.

step 1,200/5,000 · 2m 10s left · 35,210 examples/s · loss 0.512 · ctr 0.301 · rate 0.001
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

_log = logging.getLogger(__name__)

_PERIOD = 0.5  # Seconds between two looks of a live line.
_ERASE = "\r\x1b[K"


class Stopwatch:
    """Seconds spent on training itself.

    Args:
        now: The clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()

    @property
    def seconds(self) -> float:
        """Seconds since it was started, without the pauses."""
        return self._now() - self._start

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still during, say, an evaluation."""
        start = self._now()
        try:
            yield
        finally:
            self._start += self._now() - start


class Progress:
    """Tells the progress of a training.

    Args:
        watch: Times it.
        every: Steps between two lines of a log.
        num_steps: The last step, if it is known.
        stream: Where a live line goes, if it is a terminal.
    """

    def __init__(
        self, watch: Stopwatch, every: int, num_steps: int = 0, stream: TextIO | None = None
    ) -> None:
        self._watch = watch
        self._every = max(1, every)
        self._num_steps = num_steps
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._open = False
        self._begin(0, 0)

    def _begin(self, step: int, rows: int) -> None:
        self._seconds, self._step, self._rows = self._watch.seconds, step, rows

    def start(self, step: int, rows: int) -> None:
        """Starts to measure the speed."""
        self._begin(step, rows)

    def is_due(self, step: int) -> bool:
        """Whether `tell` is wanted at this step."""
        if self._live:
            return self._watch.seconds - self._seconds >= _PERIOD
        return step % self._every == 0

    def tell(self, step: int, rows: int, losses: Mapping[str, float], rate: float) -> None:
        """Tells of a step.

        Args:
            step: Steps made.
            rows: Rows read for them.
            losses: `loss` and `loss_<task>` of the step.
            rate: The learning rate.
        """
        seconds = max(self._watch.seconds - self._seconds, 1e-9)
        left = (self._num_steps - step) * seconds / max(step - self._step, 1)
        line = progress_line(
            step,
            self._num_steps,
            (rows - self._rows) / seconds,
            losses,
            rate,
            left if self._num_steps else None,
        )
        self._begin(step, rows)
        if self._live:
            width = shutil.get_terminal_size().columns - 1  # A line that wraps cannot be erased.
            self._write(_ERASE + line[:width])
            self._open = True
        else:
            _log.info("%s", line)

    def end_line(self) -> None:
        """Leaves the live line as it is, so that something else can be written."""
        if self._open:
            self._write("\n")
        self._open = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def progress_line(
    step: int,
    num_steps: int,
    speed: float,
    losses: Mapping[str, float],
    rate: float,
    seconds_left: float | None,
) -> str:
    """The line that tells of a step; its parts are those of `Progress.tell`."""
    parts = [f"step {step:,}/{num_steps:,}" if num_steps else f"step {step:,}"]
    if seconds_left is not None:
        parts.append(f"{duration(seconds_left)} left")
    parts += [f"{speed:,.0f} examples/s", f"loss {losses['loss']:.4g}"]
    tasks = {k.removeprefix("loss_"): v for k, v in losses.items() if k.startswith("loss_")}
    parts += [f"{task} {loss:.4g}" for task, loss in tasks.items()]
    return " · ".join([*parts, f"rate {rate:.3g}"])


def duration(seconds: float) -> str:
    """Seconds as people say them: `45s`, `2m 10s`, `3h 05m`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
