"""One version of a model: it is loaded, answers, is drained of its requests, and gone."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfmtl.serving.server import statuses
from tfmtl.serving.server.loaded_model import LoadedModel

_log = logging.getLogger(__name__)

Load = Callable[[Path], LoadedModel]


@dataclasses.dataclass(frozen=True)
class Retries:
    """What is done about a version that fails to load.

    Args:
        count: How often it is tried again.
        wait: Seconds before each.
    """

    count: int = 5
    wait: float = 60.0


class Version:
    """A version and its state.

    Args:
        model: Whose it is.
        number: Its number.
        folder: Where it lies.
    """

    def __init__(self, model: str, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder
        self.state = ModelVersionStatus.START
        self.failure: statuses.Failure | None = None
        self._name = f"version {number} of model {model}"
        self._model: LoadedModel | None = None
        self._users = 0
        self._change = threading.Condition()
        self._unloading: threading.Thread | None = None
        self._failed = 0
        self._due = 0.0

    @property
    def is_available(self) -> bool:
        """Whether it answers."""
        return self.state == ModelVersionStatus.AVAILABLE

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state == ModelVersionStatus.END

    @property
    def is_leaving(self) -> bool:
        """Whether it answers nothing new any more, and never will."""
        return self.is_gone or self.state == ModelVersionStatus.UNLOADING

    @property
    def is_due(self) -> bool:
        """Whether it waits for being loaded, perhaps once more."""
        waits = self.state in (ModelVersionStatus.START, ModelVersionStatus.LOADING)
        return waits and time.monotonic() >= self._due

    def load(self, load: Load, retries: Retries) -> None:
        """Tries to load it."""
        _log.info("Loading %s from `%s`.", self._name, self.folder)
        self.state = ModelVersionStatus.LOADING
        started = time.monotonic()
        try:
            self._model = load(self.folder)
        except Exception as error:  # Whatever it is, other versions go on.
            self._fail(statuses.as_failure(error), retries)
            return
        self.failure = None
        self.state = ModelVersionStatus.AVAILABLE
        _log.info("Serving %s, loaded in %.1f s.", self._name, time.monotonic() - started)

    def acquire(self) -> LoadedModel | None:
        """The model, which stays until `release`; None if it does not answer."""
        with self._change:
            if not self.is_available:
                return None
            self._users += 1
            return self._model

    def release(self) -> None:
        """Ends what `acquire` began."""
        with self._change:
            self._users -= 1
            self._change.notify_all()

    def retire(self) -> None:
        """Lets it answer what it was asked, and ends it, in a thread of its own."""
        with self._change:
            if self.is_leaving:
                return
            loaded = self.is_available
            self.state = ModelVersionStatus.UNLOADING if loaded else ModelVersionStatus.END
        if loaded:
            self._unloading = threading.Thread(target=self._unload, daemon=True)
            self._unloading.start()

    def wait(self, seconds: float) -> None:
        """Waits until `retire` has ended it, but no longer than that."""
        if self._unloading:
            self._unloading.join(seconds)

    def status(self) -> ModelVersionStatus:
        """Its state, as a server tells it."""
        told = ModelVersionStatus(version=self.number, state=self.state)
        failure = self.failure  # Read once: a version that is loaded just now has none any more.
        told.status.error_code = failure.error_code if failure else 0
        told.status.error_message = failure.message if failure else ""
        return told

    def _unload(self) -> None:
        with self._change:
            self._change.wait_for(lambda: not self._users)
            model, self._model = self._model, None
        assert model is not None
        model.close()
        self.state = ModelVersionStatus.END
        _log.info("Unloaded %s.", self._name)

    def _fail(self, failure: statuses.Failure, retries: Retries) -> None:
        self.failure = failure
        self._failed += 1
        _log.error("Loading %s failed: %s", self._name, statuses.told(failure))
        if self._failed > retries.count:
            self.state = ModelVersionStatus.END
            _log.error("Gave up %s after %d tries.", self._name, self._failed)
            return
        self._due = time.monotonic() + retries.wait
        _log.info("Trying again in %g s (%d of %d).", retries.wait, self._failed, retries.count)
