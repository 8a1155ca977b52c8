"""Rules of `eval_config`: by which columns results are told apart."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.metrics import check_column
from tfmtl.config.views import columns_by_name, slice_names
from tfmtl.protos import pipeline_pb2

_PATH = "eval_config"


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Slices are by columns or features, each once, and of some values."""
    settings, known, seen = pipeline.eval_config, columns_by_name(pipeline), set()
    for index, by in enumerate(settings.slice_by):
        path = f"{_PATH}.slice_by[{index}]"
        for name in slice_names(by, known):
            check_column(pipeline, report, path, name)
        if by in seen:
            report.should(path, "be other columns than those before", by)
        seen.add(by)
    check_at_least(report, f"{_PATH}.max_slice_values", settings.max_slice_values, 1)
