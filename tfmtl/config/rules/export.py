"""Rules of `export_config`: what is exported when, and which model is best."""

from __future__ import annotations

from tfmtl.config.funnels import funnel_of
from tfmtl.config.metric_names import best_metric, result_names
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.views import placed_towers
from tfmtl.config.wording import one_of
from tfmtl.protos import pipeline_pb2

_PATH = "export_config"
_TYPES = ("final", "latest", "best", "none")


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """The kind of export is known, and so is the metric that says which model is best."""
    export = pipeline.export_config
    if export.exporter_type not in _TYPES:
        report.should(f"{_PATH}.exporter_type", f"be {one_of(_TYPES)}", export.exporter_type)
    check_at_least(report, f"{_PATH}.exports_to_keep", export.exports_to_keep, 1)
    check_at_least(report, f"{_PATH}.max_check_steps", export.max_check_steps, 1)
    is_named = export.HasField("best_exporter_metric")
    if is_named or export.exporter_type == "best" or export.enable_early_stop:
        _check_best_metric(pipeline, report)


def _check_best_metric(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    path, wanted = f"{_PATH}.best_exporter_metric", pipeline.export_config.best_exporter_metric
    funnel = funnel_of(pipeline)
    if not placed_towers(pipeline) or (funnel is not None and funnel.circle):
        return  # There are no metrics to choose from; that is told already.
    meant = best_metric(pipeline)
    if not meant:
        report.should_name(path, "a metric and a task", wanted, result_names(pipeline))
    elif meant.startswith("copc_"):
        rule = "be a metric of which more, or less, is better; copc is best at 1"
        report.should(path, rule, wanted)
    elif meant != wanted:
        report.warn(path, f"names no task; `{wanted}` is taken for `{meant}`")
