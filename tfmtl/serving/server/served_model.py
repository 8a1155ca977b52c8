"""The versions of one model: which should be served, which come, which go.

A version goes only when one that should be served answers, or none should be.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig

from tfmtl.serving.server import statuses
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.server.version import Load, Retries, Version
from tfmtl.serving.versions import versions

_log = logging.getLogger(__name__)


class ServedModel:
    """A model.

    Args:
        config: Its name, its folder of versions, and which of them to serve.
        load: Loads a version.
        retries: What is done about one that fails to load.
    """

    def __init__(self, config: ModelConfig, load: Load, retries: Retries) -> None:
        self.config = config
        self._load = load
        self._retries = retries
        self._versions: dict[int, Version] = {}
        self._wanted: set[int] = set()  # Versions that should be served.
        self._left: set[int] = set()  # Those that should not be any more.
        self._lock = threading.Lock()
        self._told = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.config.name

    def load(self) -> None:
        """Looks what there is, and loads what should be served and is not."""
        base = Path(self.config.base_path)
        try:
            if not base.is_dir():
                self._tell(f"Could not find base path {base} for servable {self.name}")
                return
            aspired = self._aspired(base)
        except OSError as error:  # What is served goes on, and so do other models.
            told = f"Could not read base path {base} for servable {self.name}: {error.strerror}"
            self._tell(told)
            return
        self._take(aspired)
        for version in self._all():
            if version.number in aspired and version.is_due:
                version.load(self._load, self._retries)

    def retire_others(self) -> None:
        """Ends the versions that should not be served, if one that should be answers."""
        for version in self._leaving():
            with self._lock:
                version.retire()

    def retire(self) -> None:
        """Ends all versions."""
        for version in self._all():
            version.retire()

    def wait(self, seconds: float) -> None:
        """Waits until all that were retired have ended, but for each no longer than that."""
        for version in self._all():
            version.wait(seconds)

    def acquire(self, number: int | None) -> tuple[Version, LoadedModel] | None:
        """A version and its model, which stays until the version is released; None if none answers.

        Args:
            number: Which version; None means the newest that answers.
        """
        # None is retired meanwhile: the one that took its place might not have been looked at.
        with self._lock:
            for version in sorted(self._versions.values(), key=lambda each: -each.number):
                if number in (None, version.number) and (model := version.acquire()):
                    return version, model
        return None

    def has(self, number: int) -> bool:
        """Whether a version answers, and is to stay."""
        leaving = self._leaving()
        staying = (each for each in self._all() if each not in leaving)
        return any(each.number == number and each.is_available for each in staying)

    def failure(self) -> statuses.Failure | None:
        """Why no version answers, if one failed to load."""
        found = self._all()
        if any(each.is_available for each in found):
            return None
        return next(filter(None, (each.failure for each in reversed(found))), None)

    def statuses(self) -> list[ModelVersionStatus]:
        """The states of all versions there were, newest first."""
        return [version.status() for version in reversed(self._all())]

    def _all(self) -> list[Version]:
        with self._lock:
            return [version for _, version in sorted(self._versions.items())]

    def _aspired(self, base: Path) -> dict[int, Path]:
        """The versions that should be served, and where they lie."""
        found = {int(folder.name): folder for folder in versions(base)}
        if not found:
            self._tell(
                f"No versions of servable {self.name} found under base path {base}. "
                "Did you forget to name your leaf directory as a number (eg. '/1/')?"
            )
            return {}
        policy = self.config.model_version_policy
        kind = policy.WhichOneof("policy_choice")
        if kind == "all":
            return found
        if kind == "specific":
            return self._specific(found, list(policy.specific.versions))
        count = policy.latest.num_versions or 1
        self._tell("")
        return dict(sorted(found.items())[-count:])

    def _specific(self, found: dict[int, Path], numbers: list[int]) -> dict[int, Path]:
        absent = [number for number in numbers if number not in found]
        self._tell(
            f"Version {absent[0]} of servable {self.name}, which was requested to be served as a "
            "'specific' version in the servable's version policy, was not found in the file system"
            if absent
            else ""
        )
        return {number: found[number] for number in numbers if number in found}

    def _take(self, aspired: dict[int, Path]) -> None:
        self._wanted = set(aspired)
        with self._lock:
            self._left |= self._versions.keys() - aspired.keys()
            for number, folder in aspired.items():
                known = self._versions.get(number)
                # One that failed for good stays so, unless it was taken away and comes back.
                if known is None or (known.is_gone and number in self._left):
                    self._versions[number] = Version(self.name, number, folder)
                    self._left.discard(number)

    def _leaving(self) -> list[Version]:
        """The versions that have to go, now that others take their place."""
        found, wanted = self._all(), self._wanted
        if wanted and not any(each.is_available for each in found if each.number in wanted):
            return []
        return [each for each in found if each.number not in wanted]

    def _tell(self, problem: str) -> None:
        """Logs what is wrong with the folder, once."""
        if problem and problem != self._told:
            _log.warning("%s", problem)
        self._told = problem
