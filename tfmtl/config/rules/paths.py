"""Where the data is and where to write."""

from __future__ import annotations

from collections.abc import Collection

from tfmtl.config.problems import Report
from tfmtl.config.views import eval_files, is_made_up, train_files
from tfmtl.config.wording import Word
from tfmtl.protos import pipeline_pb2
from tfmtl.protos.dataset_pb2 import DatasetConfig

# Stands among the needs for data to evaluate on, if `export_config` cannot do without.
EVALUATION = "evaluation"
# Stands there for data to evaluate on, if the export has calibrators to fit.
CALIBRATION = "calibration"

_MEANING = {
    "model_dir": "name the directory to write to",
    "train_input_path": "name the files to train on",
    "eval_input_path": "name the files to evaluate on",
}


def check(pipeline: pipeline_pb2.Pipeline, report: Report, needs: Collection[str]) -> None:
    """The paths that are needed are given.

    Args:
        pipeline: The config.
        report: Takes the problems.
        needs: Names of the fields that must be set, and perhaps `EVALUATION` or `CALIBRATION`.
    """
    values = {
        "model_dir": pipeline.model_dir,
        "train_input_path": is_made_up(pipeline.data_config) or train_files(pipeline),
        "eval_input_path": is_made_up(pipeline.data_config) or eval_files(pipeline),
    }
    for name in needs:
        if name in _MEANING and not str(values[name]).strip():
            report.should(name, _MEANING[name], values[name] or None)
    for name in ("parquet_train_input", "parquet_eval_input"):
        _check_spelling(name, pipeline, report)
    if EVALUATION in needs and not pipeline.WhichOneof("eval_path"):
        _check_evaluation_is_not_needed(pipeline, report)
    elif CALIBRATION in needs and not pipeline.WhichOneof("eval_path"):
        _check_calibration_is_not_needed(pipeline, report)


def _check_spelling(name: str, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    kind = pipeline.data_config.input_type
    if pipeline.HasField(name) and kind != DatasetConfig.ParquetInputV2:
        rule = f"be ParquetInputV2, because `{name}` is given"
        received = Word(DatasetConfig.InputType.Name(kind))
        report.should("data_config.input_type", rule, received)


def _check_evaluation_is_not_needed(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    export = pipeline.export_config
    if export.exporter_type == "best":
        reason = "as `export_config.exporter_type` is best"
    elif export.enable_early_stop:
        reason = "as `export_config.enable_early_stop` is true"
    else:
        if export.exporter_type != "none":
            _check_calibration_is_not_needed(pipeline, report)
        return
    report.should("eval_input_path", f"name the files to evaluate on, {reason}")


def _check_calibration_is_not_needed(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    if pipeline.export_config.calibration:
        reason = "as `export_config.calibration` is fitted to them"
        report.should("eval_input_path", f"name the files to evaluate on, {reason}")
