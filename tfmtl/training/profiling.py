"""A profile of some steps, for TensorBoard's tab "Profile": which operations take the time."""

from __future__ import annotations

import logging

import tensorflow as tf

from tfmtl.training.objective import Losses
from tfmtl.training.writing import writing

_log = logging.getLogger(__name__)


class Profiler:
    """Profiles some steps of a training, once.

    Args:
        directory: Where the profile goes, under `plugins/profile`.
        steps: How many steps, after as many that warm up; 0 for no profile.
    """

    wants_stop = False

    def __init__(self, directory: str, steps: int) -> None:
        self._directory = directory
        self._steps = steps
        self._seen = 0
        self._runs = False

    def after_step(self, losses: Losses) -> None:
        """Starts or ends the profile, if it is time."""
        self._seen += 1
        if self._seen == self._steps:
            with writing(f"The profile in `{self._directory}`"):
                tf.profiler.experimental.start(self._directory)
            self._runs = True
        elif self._seen == 2 * self._steps:
            self.close()

    def close(self) -> None:
        """Writes the profile of the steps so far, if it has begun."""
        if not self._runs:
            return
        self._runs = False
        with writing(f"The profile in `{self._directory}`"):
            tf.profiler.experimental.stop()
        steps = self._seen - self._steps
        _log.info("Wrote a profile into `%s`; steps: %d.", self._directory, steps)
