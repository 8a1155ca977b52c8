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
from google.protobuf import text_format  # noqa: E402

from tfmtl import config as configs  # noqa: E402
from tfmtl import serving, training  # noqa: E402
from tfmtl.errors import ConfigError  # noqa: E402
from tfmtl.features.fingerprints import fingerprints  # noqa: E402
from tfmtl.protos.pipeline_pb2 import Pipeline  # noqa: E402
from tfmtl.protos.statistics_pb2 import Statistics  # noqa: E402
from tfmtl.serving import Predictor, score_files  # noqa: E402
from tfmtl.training import Conversion, Evaluation, Training, statistics_table  # noqa: E402
from tfmtl.training.build import build_model  # noqa: E402

if TYPE_CHECKING:
    import pandas as pd
    import tf_keras as keras

    from tfmtl.features import Columns
    from tfmtl.tasks import Task

__all__ = [
    "Predictor",
    "check_export",
    "convert",
    "evaluate",
    "export",
    "find_devices",
    "load_config",
    "score_files",
    "statistics",
    "statistics_table",
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
        exporter.after_evaluation(
            *_parts(evaluation),
            is_best=evaluation.is_best,
            metrics={"global_step": evaluation.step, **evaluation.metrics},
        )

    result = training.train(
        pipeline,
        train_data=train_data,
        eval_data=eval_data,
        continue_train=continue_train,
        on_build=lambda model: exporter.before_training(model.network),
        on_evaluation=after_evaluation,
    )
    if not result.interrupted:
        evaluated = eval_data is not None or bool(configs.eval_files(pipeline))
        exporter.after_training(
            *_parts(result),
            evaluated=evaluated,
            metrics=result.metrics and {"global_step": result.global_step, **result.metrics},
        )
    return result


def check_network(config: Config) -> None:
    """Builds a config's network, and checks what the config alone does not show.

    Raises:
        ExportError: If it has not what is to be exported of it.
    """
    pipeline = _checked(config, ())
    _, model = build_model(pipeline)
    serving.check_network(model.network, pipeline)


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
        each binary task; with both, `reliability_by_slice` those by column and value.

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
    keep: int | None = None,
) -> Path:
    """Writes a trained model as a SavedModel for TensorFlow Serving.

    The calibrators of `export_config.calibration` are fitted to this checkpoint. A version appears
    only after it has passed what `check_export` asks.

    Args:
        config: The config that it was trained with.
        directory: The folder of versions; by default `export/final` in `model_dir`.
        checkpoint: `latest`, `best`, or a path.
        eval_data: Rows to calibrate on, instead of `eval_input_path`.
        keep: How many versions to leave in the folder, the newest; by default all.

    Returns:
        The new version's folder.

    Raises:
        ExportError: If the model cannot be exported, or what was written answers otherwise.
    """
    needs = ["model_dir", *([configs.CALIBRATION] if eval_data is None else [])]
    pipeline = _checked(config, needs)
    training.check_as_trained(pipeline)
    columns, model = build_model(pipeline)
    _, step = training.restore_weights(
        model.network, pipeline.model_dir, checkpoint, fingerprints(pipeline)
    )
    version = serving.export(
        model.network,
        columns,
        training.calibrated_tasks(pipeline, model.network, columns, model.tasks, eval_data),
        pipeline,
        directory or serving.export_base(pipeline.model_dir),
        serving.sample_rows(pipeline, columns.raw_columns, eval_data),
        training.recorded_results(pipeline.model_dir, step),
    )
    if keep is not None:
        serving.prune(version.parent, keep)
    return version


def check_export(directory: str | Path) -> serving.Passed:
    """Holds an export to all that it must be, as every export is before it appears.

    Args:
        directory: A version's folder, or the folder of versions, of which the newest is taken.

    Returns:
        What it has passed; `lines()` tells it.

    Raises:
        ExportError: With all that is wrong, each in a line.
    """
    return serving.check_export(serving.find_export(Path(directory)))


def statistics(
    config: Config,
    data: pd.DataFrame | None = None,
    *,
    output_path: str | Path | None = None,
    max_words: int = 100_000,
    sample_rows: int = 200_000,
) -> Statistics:
    """Goes through the training data once and writes what it is like.

    Args:
        config: The config. What its features take from statistics need not be there yet.
        data: Rows to take, instead of `train_input_path`.
        output_path: The file to write; by default the config's `statistics_path`, or
            `statistics.pbtxt` in `model_dir`. A table is written beside it, as `.txt`.
        max_words: Words of a column that are kept, the most frequent ones.
        sample_rows: Rows that a tree of bins is grown from at most.

    Example:
    >>> found = tfmtl.statistics("mmoe.config")
    >>> found.columns[0].distinct
    41872
    """
    needs = ["train_input_path"] if data is None else []
    pipeline = _checked(config, needs, fitted=False)
    path = _statistics_path(pipeline, output_path)
    found = training.collect_statistics(pipeline, data, max_words, sample_rows)
    configs.write_text(_as_text(found), path)
    configs.write_text(statistics_table(found) + "\n", path.with_suffix(".txt"))
    return found


def _as_text(found: Statistics) -> str:
    return text_format.MessageToString(found, as_utf8=True, use_short_repeated_primitives=True)


def _statistics_path(pipeline: Pipeline, output_path: str | Path | None) -> Path:
    """Where to write statistics."""
    if output_path or pipeline.statistics_path:
        path = Path(output_path or pipeline.statistics_path)
    elif pipeline.model_dir:
        path = Path(pipeline.model_dir, "statistics.pbtxt")
    else:
        raise ConfigError(["`statistics_path` should say where to write. Received: nothing."])
    if path.suffix == ".txt":
        raise ConfigError(
            [f"Statistics should not be written as .txt, which is the table's. Received: `{path}`."]
        )
    return path


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


def _checked(config: Config, needs: Sequence[str], fitted: bool = True) -> Pipeline:
    if not isinstance(config, Pipeline):
        return configs.load(config, needs=needs, fitted=fitted)
    pipeline = Pipeline()
    pipeline.CopyFrom(config)
    configs.expand(pipeline)
    if problems := configs.validate(pipeline, needs=needs):
        raise ConfigError(problems)
    return configs.fitted(pipeline) if fitted else pipeline


def _parts(trained: Evaluation | Training) -> tuple[keras.Model, Columns, list[Task]]:
    return trained.model.network, trained.columns, trained.model.tasks
