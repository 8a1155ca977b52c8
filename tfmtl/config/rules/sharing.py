"""Rules of the architectures whose tasks share bottoms."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.tasks import check_towers
from tfmtl.protos import model_pb2


def check_shared_bottom(message: model_pb2.SharedBottom, path: str, report: Report) -> None:
    """There is a bottom, and tasks."""
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    check_towers(message, path, report)
