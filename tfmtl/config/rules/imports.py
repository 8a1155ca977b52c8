"""Nothing is left to import."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.protos import pipeline_pb2


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """A pipeline was loaded from a file, which tells where the paths of its imports begin."""
    if paths := [each.path for each in getattr(pipeline, "import")]:
        report.should("import", "be brought by loading the config from its file or text", paths)
