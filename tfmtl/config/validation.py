"""Everything a config is checked for, except for what its data turns out to be."""

from __future__ import annotations

from collections.abc import Collection

from tfmtl.config.problems import Report
from tfmtl.config.rules import (
    backbone,
    balancing,
    calibration,
    data,
    ends,
    evaluation,
    export,
    features,
    fitted,
    groups,
    imports,
    interactions,
    model,
    paths,
    score,
    sequences,
    sides,
    tables,
    tasks,
    training,
)
from tfmtl.config.support import check_support
from tfmtl.protos import pipeline_pb2

_RULES = (
    imports,
    data,
    features,
    fitted,
    tables,
    groups,
    sequences,
    sides,
    model,
    interactions,
    backbone,
    ends,
    tasks,
    score,
    balancing,
    training,
    evaluation,
    export,
    calibration,
)


def check(pipeline: pipeline_pb2.Pipeline, report: Report, needs: Collection[str]) -> None:
    """Reports all problems of a config, in the order of the data's way through it.

    Args:
        pipeline: The config.
        report: Takes them.
        needs: The paths that must be given, such as `train_input_path`.
    """
    check_support(pipeline, report)
    paths.check(pipeline, report, needs)
    for rules in _RULES:
        rules.check(pipeline, report)
