"""A part of a config under its rules: what it is, where it stands, and where its problems go."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfmtl.config.problems import Report
from tfmtl.protos import pipeline_pb2


class Described(NamedTuple):
    """A part of a config.

    Args:
        its: The message.
        path: Where it stands.
        of: Whose fields these are, such as "tower `ctr`"; may be "".
        pipeline: The config it is in.
        report: Takes its problems.
    """

    its: Any
    path: str
    of: str
    pipeline: pipeline_pb2.Pipeline
    report: Report

    @property
    def labels(self) -> list[str]:
        """The label fields."""
        return list(self.pipeline.data_config.label_fields)

    def part(self, field: str, its: Any) -> Described:
        """A message in one of its fields."""
        return self._replace(its=its, path=f"{self.path}.{field}")

    def should(self, field: str, rule: str, received: object = None) -> None:
        """Adds a problem of one of its fields."""
        self.report.should(f"{self.path}.{field}", rule, received, of=self.of)

    def should_name(self, field: str, what: str, known: Any) -> None:
        """Adds a problem of a field that names what there is not."""
        path, name = f"{self.path}.{field}", getattr(self.its, field)
        self.report.should_name(path, what, name, known, of=self.of)
