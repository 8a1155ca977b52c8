"""What Python code uses, and the commands with it: `tfmtl.train` and its like.

A config is a path or the `Pipeline` that `load_config` made of it. Everywhere a `TfmtlError` is a
mistake of the user's, and its message tells what would do.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfmtl.keras_version import require_legacy_keras

require_legacy_keras()

import tensorflow as tf  # noqa: E402

from tfmtl import config as configs  # noqa: E402
from tfmtl import serving, training  # noqa: E402
from tfmtl.errors import ConfigError  # noqa: E402
from tfmtl.protos.pipeline_pb2 import Pipeline  # noqa: E402
from tfmtl.serving import Predictor, score_files  # noqa: E402
from tfmtl.training import Conversion, Evaluation, Training  # noqa: E402
from tfmtl.training.build import build_model  # noqa: E402

if TYPE_CHECKING:
    import pandas as pd
    import tf_keras as keras

    from tfmtl.features import Columns
    from tfmtl.tasks import Task

__all__ = [
    "Predictor",
    "convert",
    "evaluate",
    "export",
    "find_devices",
    "load_config",
    "score_files",
    "train",
]

Config = str | os.PathLike[str] | Pipeline


def load_config(
    path: str | os.PathLike[str],
    overrides: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
) -> Pipeline:
    """Reads a config, changes it and checks it. Where the data is may be left open.

    Args:
        path: A text format (`.config`) or JSON (`.json`) file.
        overrides: Values of fields, `{"train_config.num_steps": 50}`, applied in their order.

    Raises:
        ConfigError: With every problem of the config.

    Example:
    >>> pipeline = tfmtl.load_config("mmoe.config", {"train_config.num_steps": 50})
    """
    return configs.load(path, overrides=overrides, needs=())


def train(
    config: Config,
    train_data: pd.DataFrame | None = None,
    eval_data: pd.DataFrame | None = None,
    *,
    continue_train: bool = False,
) -> Training:
    """Trains a config's model, evaluates it, and exports it as `export_config` says.

    Args:
        config: The config.
        train_data: Rows to train on, instead of `train_input_path`.
        eval_data: Rows to evaluate on, instead of `eval_input_path`.
        continue_train: Whether to go on from the latest checkpoint in `model_dir`.

    Returns:
        The model at the last step, its metrics, and whether an interrupt ended the training.

    Example:
    >>> result = tfmtl.train("mmoe.config")
    >>> result.metrics["auc_ctr"]
    0.7412
    """
    given = {"train_input_path": train_data, configs.EVALUATION: eval_data}
    needs = [each for each in configs.TO_TRAIN if given.get(each) is None]
    pipeline = _checked(config, needs)
    exporter = serving.Exporter(
        pipeline,
        train_data if eval_data is None else eval_data,
        functools.partial(training.calibrated_tasks, pipeline, data=eval_data),
    )

    def after_evaluation(evaluation: Evaluation) -> None:
        exporter.after_evaluation(*_parts(evaluation), is_best=evaluation.is_best)

    result = training.train(
        pipeline,
        train_data=train_data,
        eval_data=eval_data,
        continue_train=continue_train,
        on_evaluation=after_evaluation,
    )
    if not result.interrupted:
        evaluated = eval_data is not None or bool(configs.eval_files(pipeline))
        exporter.after_training(*_parts(result), evaluated=evaluated)
    return result


def evaluate(
    config: Config,
    data: pd.DataFrame | None = None,
    *,
    checkpoint: str = "latest",
    result_path: str | None = None,
) -> dict[str, Any]:
    """Measures a trained model.

    Args:
        config: The config that it was trained with.
        data: Rows to measure on, instead of `eval_input_path`.
        checkpoint: `latest`, `best`, or a path.
        result_path: Where to write the result as JSON; by default `eval_result.json` in
            `model_dir`.

    Returns:
        `global_step`, `loss`, `loss_<task>`, every task's metrics and `rows_<task>`, the rows in
        its sample space; None for one without a value. With `eval_config.slice_by`, `slices` has
        rows and metrics by column and value; with `reliability_bins`, `reliability` the bins of
        each binary task.

    Example:
    >>> tfmtl.evaluate("mmoe.config", checkpoint="best")["auc_ctr"]
    0.7412
    """
    needs = configs.TO_EVALUATE if data is None else ("model_dir",)
    pipeline = _checked(config, needs)
    result = training.evaluate(pipeline, checkpoint=checkpoint, data=data, result_path=result_path)
    return {"global_step": result.step, **result.metrics, **result.tables}


def export(
    config: Config,
    directory: str | Path | None = None,
    *,
    checkpoint: str = "latest",
    eval_data: pd.DataFrame | None = None,
) -> Path:
    """Writes a trained model as a SavedModel for TensorFlow Serving.

    The calibrators of `export_config.calibration` are fitted to this checkpoint.

    Args:
        config: The config that it was trained with.
        directory: The folder of versions; by default `export/final` in `model_dir`.
        checkpoint: `latest`, `best`, or a path.
        eval_data: Rows to calibrate on, instead of `eval_input_path`.

    Returns:
        The new version's folder.

    Raises:
        ExportError: If the model cannot be exported, or what was written answers otherwise.
    """
    needs = ["model_dir", *([configs.CALIBRATION] if eval_data is None else [])]
    pipeline = _checked(config, needs)
    columns, model = build_model(pipeline)
    training.restore_weights(model.network, pipeline.model_dir, checkpoint)
    return serving.export(
        model.network,
        columns,
        training.calibrated_tasks(pipeline, model.network, columns, model.tasks, eval_data),
        pipeline,
        directory or serving.export_base(pipeline.model_dir),
        serving.sample_rows(pipeline, columns.raw_columns, eval_data),
    )


def convert(
    config: Config,
    data: str | os.PathLike[str] | pd.DataFrame,
    folder: str | Path,
    **how: Any,
) -> Conversion:
    """Writes data as Parquet or TFRecord, as it is or with its features encoded.

    Args:
        config: The config that says how to read it.
        data: Files, globs and directories, separated by commas; or a DataFrame.
        folder: The folder to write, new or empty.
        how: `kind`, `encoded`, `reserved`, `compression` and `file_rows`; see
            `training.convert`.

    Returns:
        The numbers of rows and of files.

    Example:
    >>> tfmtl.convert("mmoe.config", "train.csv", "train_encoded", encoded=True).rows
    300000
    """
    return training.convert(_checked(config, ()), data, Path(folder), **how)


def find_devices() -> None:
    """Lets TensorFlow look for devices, about which it logs whatever anyone sets."""
    tf.config.list_physical_devices()


def _checked(config: Config, needs: Sequence[str]) -> Pipeline:
    if not isinstance(config, Pipeline):
        return configs.load(config, needs=needs)
    pipeline = Pipeline()
    pipeline.CopyFrom(config)
    configs.expand(pipeline)
    if problems := configs.validate(pipeline, needs=needs):
        raise ConfigError(problems)
    return pipeline


def _parts(trained: Evaluation | Training) -> tuple[keras.Model, Columns, list[Task]]:
    return trained.model.network, trained.columns, trained.model.tasks
