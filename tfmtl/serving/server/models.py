"""Which models are served, and by what names, numbers and labels they are asked."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from tfmtl.serving.server import statuses
from tfmtl.serving.server.loaded_model import LoadedModel
from tfmtl.serving.server.served_model import ServedModel
from tfmtl.serving.server.version import Load, Retries, Version

_log = logging.getLogger(__name__)

_PLATFORM = "tensorflow"


class Models:
    """All models.

    Args:
        load: Loads a version.
        retries: What is done about versions that fail to load.
        labels_may_wait: Whether a label may be of a version that does not answer yet.
    """

    def __init__(
        self, load: Load, retries: Retries | None = None, labels_may_wait: bool = False
    ) -> None:
        self._load = load
        self._retries = retries or Retries()
        self._labels_may_wait = labels_may_wait
        self._models: dict[str, ServedModel] = {}
        self._labels: dict[tuple[str, str], int] = {}
        self._changing = threading.RLock()  # One change at a time; requests do not wait for it.

    def configure(self, config: ModelServerConfig) -> None:
        """Serves these models from now on, and no others.

        Raises:
            Failure: If they cannot be served so. A label of a version that does not answer is found
                only when the models have changed already; labels are then as they were.
        """
        configs = _checked(config)
        with self._changing:
            known, models = self._models, {each.name: self._served(each) for each in configs}
            for model in models.values():
                model.refresh()
            self._models = models
            for name, model in known.items():
                if models.get(name) is not model:
                    model.retire()
            self._label(configs)

    def refresh(self) -> None:
        """Lets every model look for new versions."""
        with self._changing:
            for model in list(self._models.values()):
                model.refresh()

    def check(self) -> None:
        """Raises if a model has no version that answers, because loading failed.

        Raises:
            Failure: With all of them.
        """
        failed = {
            model.name: failure for model in self._models.values() if (failure := model.failure())
        }
        if failed:
            told = ", ".join(
                f"{{{name} due to error: {failure.message}}}" for name, failure in failed.items()
            )
            raise statuses.unknown(f"{len(failed)} servable(s) did not become available: {told}")

    def end(self, seconds: float) -> None:
        """Ends them all, and gives each so long to answer what it was asked."""
        for model in self._models.values():
            model.retire()
        # The interpreter must not end under a session that is being closed.
        for model in self._models.values():
            model.wait(seconds)

    @contextlib.contextmanager
    def use(self, spec: ModelSpec) -> Iterator[tuple[LoadedModel, ModelSpec]]:
        """The version that is asked for, and how it is called in the answer.

        Raises:
            Failure: If there is none.
        """
        version, model = self._acquire(spec.name, self._number(spec))
        try:
            answered = ModelSpec(name=spec.name, signature_name=spec.signature_name)
            answered.version.value = version.number
            yield model, answered
        finally:
            version.release()

    def statuses(self, spec: ModelSpec) -> list[ModelVersionStatus]:
        """The states of a model's versions, or of the one that is asked for.

        Raises:
            Failure: If there is none.
        """
        number = self._number(spec)
        model = self._models.get(spec.name)
        found = model.statuses() if model else []
        if not found and number is None:
            raise statuses.not_found(f"Could not find any versions of model {spec.name}")
        chosen = [each for each in found if number in (None, each.version)]
        if not chosen:
            raise statuses.not_found(f"Could not find version {number} of model {spec.name}")
        return chosen

    def _acquire(self, name: str, number: int | None) -> tuple[Version, LoadedModel]:
        # A model may retire between being found and being asked; then another is in its place.
        asked = None
        while (model := self._models.get(name)) is not asked:
            asked = model
            if model and (acquired := model.acquire(number)):
                return acquired
        which = f"Latest({name})" if number is None else f"Specific({name}, {number})"
        raise statuses.not_found(f"Servable not found for request: {which}")

    def _number(self, spec: ModelSpec) -> int | None:
        """The version that is asked for; None means the newest."""
        if not spec.name:
            raise statuses.invalid("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return int(spec.version.value)
        if choice is None:
            return None
        number = self._labels.get((spec.name, spec.version_label))
        if number is None:
            raise statuses.invalid(f"Unrecognized servable version label: {spec.version_label}")
        return number

    def _served(self, config: ModelConfig) -> ServedModel:
        """A model as it is served already, or anew if its folder is another."""
        known = self._models.get(config.name)
        if known is None or known.config.base_path != config.base_path:
            return ServedModel(config, self._load, self._retries)
        known.config = config
        return known

    def _label(self, configs: list[ModelConfig]) -> None:
        labels = {
            (each.name, label): number
            for each in configs
            for label, number in each.version_labels.items()
        }
        for (name, label), number in labels.items():
            if not self._labels_may_wait and not self._models[name].has(number):
                raise statuses.failed_precondition(
                    f"Request to assign label to version {number} of model {name}, which is not "
                    f"currently available for inference (label {label})"
                )
        self._labels = labels


def _checked(config: ModelServerConfig) -> list[ModelConfig]:
    if config.WhichOneof("config") != "model_config_list":
        raise statuses.invalid(
            "ServerModelConfig type not supported. Only ModelConfigList is currently supported"
        )
    models = list(config.model_config_list.config)
    names = [each.name for each in models]
    for each in models:
        if names.count(each.name) > 1:
            raise statuses.invalid(
                f"Illegal to list model {each.name} multiple times in config list"
            )
        _check(each)
    return models


def _check(model: ModelConfig) -> None:
    if not model.name:
        raise statuses.invalid("ModelConfig has no name specified.")
    if not model.model_platform and not model.model_type:
        raise statuses.invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform."
        )
    if model.model_platform not in ("", _PLATFORM):
        raise statuses.invalid(
            f"Model {model.name} should be of the platform `{_PLATFORM}`. "
            f"Received: {model.model_platform}"
        )
    if not Path(model.base_path).is_absolute():
        raise statuses.invalid(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )
    if model.HasField("logging_config"):
        _log.warning("`logging_config` of model %s is left out of account.", model.name)
