"""Rules of the parameters of a tower's metrics."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.metric_names import GROUPED_BY
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import Rule, check_at_least, check_fields
from tfmtl.config.views import columns_by_name
from tfmtl.config.wording import one_of
from tfmtl.protos import metric_pb2, pipeline_pb2

# Beyond it, bins of equal weight would be finer than what they are counted in.
MOST_BINS = 100
_REDUCTIONS = ("mean", "mean_by_sample_num", "mean_by_positive_num")


def check(
    pipeline: pipeline_pb2.Pipeline,
    report: Report,
    path: str,
    message: metric_pb2.EvalMetrics,
    of: str,
) -> None:
    """A metric's numbers are in range, and the column that makes its groups exists.

    Args:
        pipeline: The config.
        report: Takes the problems.
        path: Where the metric stands, down to its name.
        message: The metric.
        of: Whose metric it is.
    """
    name = message.WhichOneof("metric")
    metric = getattr(message, name)
    check_fields(report, path, metric, _RULES, of=of)
    if name == "auc" and metric.exact and metric.HasField("num_thresholds"):
        what = "not be given together with `exact`, which has no bins"
        report.should(f"{path}.num_thresholds", what, metric.num_thresholds, of=of)
    if name in GROUPED_BY:
        field = GROUPED_BY[name]
        check_column(pipeline, report, f"{path}.{field}", getattr(metric, field), of)


def check_column(
    pipeline: pipeline_pb2.Pipeline, report: Report, path: str, name: str, of: str = ""
) -> None:
    """A name is that of a column or of a feature."""
    known = columns_by_name(pipeline)
    if name not in known:
        report.should_name(path, "a column or a feature", name, known, of=of)


def _check_thresholds(report: Report, path: str, value: int, *, of: str = "") -> None:
    check_at_least(report, path, value, 2, of=of)


def _check_count(report: Report, path: str, value: int, *, of: str = "") -> None:
    check_at_least(report, path, value, 1, of=of)


def _check_threshold(report: Report, path: str, value: float, *, of: str = "") -> None:
    if not 0 < value < 1:
        report.should(path, "be above 0 and below 1", value, of=of)


def _check_bins(report: Report, path: str, value: int, *, of: str = "") -> None:
    if not 1 <= value <= MOST_BINS:
        report.should(path, f"be from 1 to {MOST_BINS}", value, of=of)


def _check_reduction(report: Report, path: str, value: str, *, of: str = "") -> None:
    if value not in _REDUCTIONS:
        report.should(path, f"be {one_of(_REDUCTIONS)}", value, of=of)


# Whatever the metric, a parameter of the same name obeys the same rule.
_RULES: Mapping[str, Rule] = {
    "num_thresholds": _check_thresholds,
    "topk": _check_count,
    "k": _check_count,
    "threshold": _check_threshold,
    "num_bins": _check_bins,
    "reduction": _check_reduction,
}
