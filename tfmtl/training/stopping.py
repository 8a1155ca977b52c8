"""When to stop before the end: somebody asked for it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger(__name__)


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a request to stop; the second one kills at once.

    Python hands signals to the main thread only, so elsewhere this listens to none.

    Example:
    >>> with StopSignals() as signals:
    ...     while not signals.received:
    ...         step()
    """

    def __init__(self) -> None:
        self.received = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._previous = {each: signal.signal(each, self._receive) for each in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self.received = True
        name = signal.Signals(number).name
        _log.warning("%s: finishing the step and saving a checkpoint; once more kills.", name)
