"""Which models are served, and by what names, numbers and labels they are asked."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
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


@dataclasses.dataclass(frozen=True)
class _Served:
    """What is served; another one takes its place as a whole.

    Args:
        models: The models, by name.
        labels: Versions' numbers, by the names of models and labels.
    """

    models: Mapping[str, ServedModel] = dataclasses.field(default_factory=dict)
    labels: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)

    def find(self, spec: ModelSpec) -> tuple[ServedModel | None, int | None]:
        """The model and the number of its version that are asked for; no number means the newest.

        Raises:
            Failure: If there is no such label, or no name at all.
        """
        if not spec.name:
            raise statuses.invalid("ModelSpec has no name specified.")
        return self.models.get(spec.name), self._number(spec)

    def _number(self, spec: ModelSpec) -> int | None:
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return int(spec.version.value)
        if choice is None:
            return None
        number = self.labels.get((spec.name, spec.version_label))
        if number is None:
            raise statuses.invalid(f"Unrecognized servable version label: {spec.version_label}")
        return number


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
        self._served = _Served()
        self._has_ended = False
        self._changing = threading.RLock()  # One change at a time; requests do not wait for it.

    def configure(self, config: ModelServerConfig) -> None:
        """Serves these models from now on, and no others.

        Raises:
            Failure: If they cannot be served so. A label of a version that does not answer is found
                only when the models have changed already; labels are then as they were.
        """
        configs = _checked(config)
        with self._changing:
            if self._has_ended:
                raise statuses.unavailable("The server has ended")
            before, models = self._served, {each.name: self._model(each) for each in configs}
            for model in models.values():
                model.load()
            labels = _labels(configs)
            problem = None if self._labels_may_wait else _label_problem(labels, models)
            # Before any version goes: whoever asks by a label finds the one it is of.
            self._served = _Served(models, before.labels if problem else labels)
            self._retire(before.models)
            if problem:
                raise problem

    def refresh(self) -> None:
        """Lets every model look for new versions."""
        with self._changing:
            for model in self._served.models.values():
                model.load()
                model.retire_others()

    def check(self) -> None:
        """Raises if a model has no version that answers, because loading failed.

        Raises:
            Failure: With all of them.
        """
        failed = {
            name: failure
            for name, model in self._served.models.items()
            if (failure := model.failure())
        }
        if failed:
            told = ", ".join(
                f"{{{name} due to error: {failure.message}}}" for name, failure in failed.items()
            )
            raise statuses.unknown(f"{len(failed)} servable(s) did not become available: {told}")

    def end(self, seconds: float) -> None:
        """Ends them all, and gives each so long to answer what it was asked."""
        with self._changing:  # What is being loaded would be served after the end.
            self._has_ended = True
        for model in self._served.models.values():
            model.retire()
        # The interpreter must not end under a session that is being closed.
        for model in self._served.models.values():
            model.wait(seconds)

    @contextlib.contextmanager
    def use(self, spec: ModelSpec) -> Iterator[tuple[LoadedModel, ModelSpec]]:
        """The version that is asked for, and how it is called in the answer.

        Raises:
            Failure: If there is none.
        """
        version, model = self._acquire(spec)
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
        model, number = self._served.find(spec)
        found = model.statuses() if model else []
        if not found and number is None:
            raise statuses.not_found(f"Could not find any versions of model {spec.name}")
        chosen = [each for each in found if number in (None, each.version)]
        if not chosen:
            raise statuses.not_found(f"Could not find version {number} of model {spec.name}")
        return chosen

    def _acquire(self, spec: ModelSpec) -> tuple[Version, LoadedModel]:
        # What is found may retire before it is asked; then another is in its place.
        asked = None
        while (found := self._served.find(spec)) != asked:
            asked = model, number = found
            if model and (acquired := model.acquire(number)):
                return acquired
        which = f"Latest({spec.name})" if number is None else f"Specific({spec.name}, {number})"
        raise statuses.not_found(f"Servable not found for request: {which}")

    def _retire(self, before: Mapping[str, ServedModel]) -> None:
        """Ends what was served before, and is not any more."""
        models = self._served.models
        for model in models.values():
            model.retire_others()
        for name, model in before.items():
            if models.get(name) is not model:
                model.retire()

    def _model(self, config: ModelConfig) -> ServedModel:
        """A model as it is served already, or anew if its folder is another."""
        known = self._served.models.get(config.name)
        if known is None or known.config.base_path != config.base_path:
            return ServedModel(config, self._load, self._retries)
        known.config = config
        return known


def _labels(configs: Sequence[ModelConfig]) -> dict[tuple[str, str], int]:
    return {
        (each.name, label): number
        for each in configs
        for label, number in each.version_labels.items()
    }


def _label_problem(
    labels: Mapping[tuple[str, str], int], models: Mapping[str, ServedModel]
) -> statuses.Failure | None:
    """What is wrong with the first label of a version that does not answer."""
    for (name, label), number in labels.items():
        if not models[name].has(number):
            return statuses.failed_precondition(
                f"Request to assign label to version {number} of model {name}, which is not "
                f"currently available for inference (label {label})"
            )
    return None


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
