"""When to end a training as if it had made its last step: a time, or a file that somebody puts."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import tensorflow as tf

from tfmtl.config.dead_line import parse_dead_line
from tfmtl.protos import pipeline_pb2
from tfmtl.training.loop import Hook
from tfmtl.training.objective import Losses

STOP_FILE = "OSS_STOP_SIGNAL"
_PERIOD = 10.0  # Seconds between two looks, as in EasyRec.

_log = logging.getLogger(__name__)


class DeadLine:
    """Ends a training at a time.

    Args:
        text: The time, as `parse_dead_line` reads it.
        now: The clock, in seconds since 1970.
    """

    def __init__(self, text: str, now: Callable[[], float] = time.time) -> None:
        self._text = text
        self._time = parse_dead_line(text)
        self._now = now

    def after_step(self, losses: Losses) -> None:
        """Does nothing."""

    @property
    def wants_stop(self) -> bool:
        """Whether it is time."""
        if self._time is None or self._now() < self._time:
            return False
        _log.info("Training ends: it is past `train_config.dead_line`, %s.", self._text)
        return True


class StopFile:
    """Ends a training when there is a file `OSS_STOP_SIGNAL`.

    Args:
        model_dir: Where it is looked for.
        now: The clock, in seconds.
    """

    def __init__(self, model_dir: str, now: Callable[[], float] = time.monotonic) -> None:
        self._path = os.path.join(model_dir, STOP_FILE)
        self._now = now
        self._next_look = now()

    def after_step(self, losses: Losses) -> None:
        """Does nothing."""

    @property
    def wants_stop(self) -> bool:
        """Whether it is there."""
        if self._now() < self._next_look:
            return False
        self._next_look = self._now() + _PERIOD
        if not tf.io.gfile.exists(self._path):
            return False
        _log.info("Training ends: there is `%s`. Delete it to go on.", self._path)
        return True


def build_requests(pipeline: pipeline_pb2.Pipeline) -> list[Hook]:
    """What may end a pipeline's training."""
    settings = pipeline.train_config
    requests: list[Hook] = []
    if settings.dead_line:
        requests.append(DeadLine(settings.dead_line))
    if settings.enable_oss_stop_signal:
        requests.append(StopFile(pipeline.model_dir))
    return requests
