"""Rules of `export_config`: what is exported when, and which model is best."""

from __future__ import annotations

import re

from tfmtl.config.funnels import funnel_of
from tfmtl.config.metric_names import bigger_is_better, result_named, result_names
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_above, check_at_least, check_not_negative
from tfmtl.config.views import placed_towers
from tfmtl.config.wording import one_of
from tfmtl.protos import export_pb2, pipeline_pb2

_PATH = "export_config"
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LEAST = {
    "max_batch_size": 1,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 1,
    "max_execution_batch_size": 1,
}
_TYPES = ("final", "latest", "best", "none")


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """The kind of export is known, and so is the metric that says which model is best."""
    export = pipeline.export_config
    if export.exporter_type not in _TYPES:
        report.should(f"{_PATH}.exporter_type", f"be {one_of(_TYPES)}", export.exporter_type)
    check_at_least(report, f"{_PATH}.exports_to_keep", export.exports_to_keep, 1)
    check_at_least(report, f"{_PATH}.max_check_steps", export.max_check_steps, 1)
    check_not_negative(report, f"{_PATH}.recorded_rows", export.recorded_rows)
    _check_serving(export, report)
    if not _has_metrics(pipeline):
        return  # There is nothing to choose from; that is told already.
    is_named = export.HasField("best_exporter_metric")
    if export.best_exporter_metrics:
        _check_best_metrics(pipeline, report)
    elif is_named or export.exporter_type == "best" or export.enable_early_stop:
        path = f"{_PATH}.best_exporter_metric"
        name = _check_result(pipeline, report, path, export.best_exporter_metric)
        no_direction = bool(name) and bigger_is_better(pipeline, name) is None
        if no_direction and not export.HasField("metric_bigger"):
            report.warn(path, f"is better neither way; more of `{name}` is taken for better")


def _check_serving(export: export_pb2.ExportConfig, report: Report) -> None:
    """The model has a name that addresses may hold; sizes of batches are sizes."""
    if export.HasField("model_name") and not _MODEL_NAME.fullmatch(export.model_name):
        rule = "be made of letters, digits and `_ . -`"
        report.should(f"{_PATH}.model_name", rule, export.model_name or None)
    names = list(export.embedding_outputs)
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            rule = "name another feature group or layer than those before"
            report.should(f"{_PATH}.embedding_outputs[{index}]", rule, name or None)
    for index, size in enumerate(export.warmup_batch_sizes):
        check_at_least(report, f"{_PATH}.warmup_batch_sizes[{index}]", size, 1)
    if export.HasField("batching"):
        _check_batching(export.batching, report)


def _check_batching(batching: export_pb2.Batching, report: Report) -> None:
    """A server would take the parameters."""
    path = f"{_PATH}.batching"
    for name, least in _LEAST.items():
        if batching.HasField(name):
            check_at_least(report, f"{path}.{name}", getattr(batching, name), least)
    splits, limit = batching.enable_large_batch_splitting, "max_execution_batch_size"
    if splits != batching.HasField(limit):
        rule = "be given with `enable_large_batch_splitting`, and not without"
        report.should(f"{path}.{limit}", rule, getattr(batching, limit) if not splits else None)
    sizes = list(batching.allowed_batch_sizes)
    if sizes != sorted({size for size in sizes if size > 0}):
        report.should(f"{path}.allowed_batch_sizes", "be above 0 and grow", sizes)
    largest = limit if splits else "max_batch_size"
    if sizes and sizes[-1] != getattr(batching, largest):
        report.should(f"{path}.allowed_batch_sizes", f"end in `{largest}`", sizes[-1])


def _has_metrics(pipeline: pipeline_pb2.Pipeline) -> bool:
    funnel = funnel_of(pipeline)
    return bool(placed_towers(pipeline)) and (funnel is None or not funnel.circle)


def _check_result(pipeline: pipeline_pb2.Pipeline, report: Report, path: str, wanted: str) -> str:
    """A name is that of a result, or of a metric; returns the result's, "" for an unknown one."""
    meant = result_named(pipeline, wanted)
    if not meant:
        report.should_name(path, "a metric and a task", wanted, result_names(pipeline))
    elif meant.startswith("copc_"):
        rule = "be a metric of which more, or less, is better; copc is best at 1"
        report.should(path, rule, wanted)
        return ""
    elif meant != wanted:
        report.warn(path, f"names no task; `{wanted}` is taken for `{meant}`")
    return meant


def _check_best_metrics(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Several metrics are different ones, each known, with a direction and a weight."""
    export, seen = pipeline.export_config, set()
    for field in ("best_exporter_metric", "metric_bigger"):
        if export.HasField(field):
            rule = "not be given together with `best_exporter_metrics`"
            report.should(f"{_PATH}.{field}", rule, getattr(export, field))
    for index, each in enumerate(export.best_exporter_metrics):
        path = f"{_PATH}.best_exporter_metrics[{index}]"
        check_above(report, f"{path}.weight", each.weight, 0)
        path = f"{path}.metric_name"
        name = _check_result(pipeline, report, path, each.metric_name)
        if name in seen:
            report.should(path, "be another metric than those before", each.metric_name)
        elif name and bigger_is_better(pipeline, name) is None:
            report.should(path, "be a metric of which more or less is better", each.metric_name)
        seen |= {name} - {""}
