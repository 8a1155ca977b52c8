"""Rules of the architectures whose tasks share bottoms."""

from __future__ import annotations

from collections.abc import Sequence

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_layer_name, check_unique
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.tasks import check_towers
from tfmtl.protos import model_pb2


def check_shared_bottom(message: model_pb2.SharedBottom, path: str, report: Report) -> None:
    """There is a bottom, and tasks."""
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    check_towers(message, path, report)


def check_customized_sharing(
    message: model_pb2.CustomizedSharing, path: str, report: Report
) -> None:
    """There are both kinds of bottoms, and tasks."""
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    check_dnn(report, f"{path}.task_bottom_dnn", message.task_bottom_dnn, needed=True)
    check_towers(message, path, report)


def check_asymmetric_sharing(
    message: model_pb2.AsymmetricSharing, path: str, report: Report
) -> None:
    """Every bottom is read by a task, and every task reads bottoms that there are."""
    check_towers(message, path, report)
    towers = [tower.tower_name for tower in message.task_towers]
    _check_bottoms(message, f"{path}.bottoms", report)
    for index, reader in enumerate(message.task_bottoms):
        at = f"{path}.task_bottoms[{index}]"
        if reader.tower_name not in towers:
            report.should_name(f"{at}.tower_name", "a tower", reader.tower_name, towers)
        _check_reader(reader, [bottom.bottom_name for bottom in message.bottoms], at, report)
    readers = [
        (f"{path}.task_bottoms[{index}]", reader.tower_name)
        for index, reader in enumerate(message.task_bottoms)
    ]
    check_unique(report, readers)
    for tower in towers:
        if tower not in [name for _, name in readers]:
            rule = "say which bottoms the task reads"
            report.should(f"{path}.task_bottoms", rule, of=f"tower `{tower}`")


def _check_bottoms(message: model_pb2.AsymmetricSharing, path: str, report: Report) -> None:
    """Bottoms have names of their own and layers, and are read."""
    if not message.bottoms:
        report.should(path, "describe the bottoms")
    read = {name for reader in message.task_bottoms for name in reader.bottom_names}
    for index, bottom in enumerate(message.bottoms):
        at, name = f"{path}[{index}]", bottom.bottom_name
        check_layer_name(report, f"{at}.bottom_name", name)
        check_dnn(report, f"{at}.dnn", bottom.dnn, of=f"bottom `{name}`", needed=True)
        if name and name not in read:
            report.should(at, "be read by a task in `task_bottoms`", name)
    names = [(f"{path}[{index}]", each.bottom_name) for index, each in enumerate(message.bottoms)]
    check_unique(report, names)


def _check_reader(
    reader: model_pb2.TaskBottoms, bottoms: Sequence[str], path: str, report: Report
) -> None:
    """A task reads bottoms that there are, each once."""
    of, names = f"tower `{reader.tower_name}`", list(reader.bottom_names)
    if not names:
        report.should(f"{path}.bottom_names", "name a bottom", of=of)
    for index, name in enumerate(names):
        at = f"{path}.bottom_names[{index}]"
        if name not in bottoms:
            report.should_name(at, "a bottom", name, bottoms, of=of)
        elif name in names[:index]:
            report.should(at, "name each bottom once", name, of=of)
