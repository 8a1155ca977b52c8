"""When a model is exported in the course of its training, as `export_config.exporter_type` says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tf_keras as keras

from tfmtl.features import Columns
from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving.export import check_exportable, check_network, export
from tfmtl.serving.samples import sample_rows
from tfmtl.serving.versions import prune
from tfmtl.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

# Makes calibrated tasks of a network, its columns and its tasks.
Calibrate = Callable[[keras.Model, Columns, Sequence[Task]], Sequence[Task]]

# What the model's last evaluation found; None if there was none.
Metrics = Mapping[str, Any] | None

FINAL, LATEST, BEST, NONE = "final", "latest", "best", "none"


def export_base(model_dir: str, kind: str = FINAL) -> Path:
    """Where a training puts its versions of a kind: `<model_dir>/export/<kind>`."""
    return Path(model_dir, "export", kind)


class Exporter:
    """Exports a model while it is trained: at the end, after every evaluation, or after the best.

    Args:
        pipeline: The config.
        data: Rows to try exports with, instead of those of the config's data.
        calibrate: Makes of the tasks those that are exported; by default they are as they are.

    Raises:
        ExportError: If the model could not be exported, whatever it learns.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        data: pd.DataFrame | None = None,
        calibrate: Calibrate = lambda network, columns, tasks: tasks,
    ) -> None:
        self._pipeline = pipeline
        self._calibrate = calibrate
        self._config = pipeline.export_config
        self._kind = self._config.exporter_type
        self._data = data
        if self._kind != NONE:
            check_exportable(pipeline)

    def before_training(self, network: keras.Model) -> None:
        """Raises if the network has not what is to be exported of it.

        Raises:
            ExportError: With what that is.
        """
        if self._kind != NONE:
            check_network(network, self._pipeline)

    def after_evaluation(
        self,
        network: keras.Model,
        columns: Columns,
        tasks: Sequence[Task],
        is_best: bool,
        metrics: Metrics = None,
    ) -> None:
        """Exports if the kind is `latest`, or `best` and no evaluation was better."""
        if self._kind == LATEST or (self._kind == BEST and is_best):
            self._export(network, columns, tasks, metrics)
            prune(self._base, max(1, self._config.exports_to_keep))

    def after_training(
        self,
        network: keras.Model,
        columns: Columns,
        tasks: Sequence[Task],
        evaluated: bool,
        metrics: Metrics = None,
    ) -> None:
        """Exports if the kind is `final`, or if there was nothing to evaluate on."""
        if self._kind == FINAL or (self._kind in (LATEST, BEST) and not evaluated):
            self._export(network, columns, tasks, metrics)

    @property
    def _base(self) -> Path:
        return export_base(self._pipeline.model_dir, self._kind)

    def _export(
        self, network: keras.Model, columns: Columns, tasks: Sequence[Task], metrics: Metrics
    ) -> None:
        tasks = self._calibrate(network, columns, tasks)
        rows = sample_rows(self._pipeline, columns.raw_columns, self._data)
        version = export(network, columns, tasks, self._pipeline, self._base, rows, metrics)
        _log.info("Exported `%s`.", version)
