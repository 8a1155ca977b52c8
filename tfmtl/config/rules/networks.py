"""Rules of the architectures whose tasks inform each other, or have networks of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmtl.config.heads import EVENT, ORDER, is_made_of
from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least
from tfmtl.config.rules.experts import check_bank
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.losses import check_kind
from tfmtl.config.rules.tasks import check_towers
from tfmtl.protos import model_pb2

_Related = model_pb2.DBMTL | model_pb2.ModelParams


def check_dbmtl(message: model_pb2.DBMTL, path: str, report: Report) -> None:
    """There are tasks, and each reads towers that are listed before it."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn)
    if message.HasField("expert_dnn"):
        check_bank(message, path, report)
        check_dnn(report, f"{path}.gate_dnn", message.gate_dnn)
    else:
        for name in ("num_expert", "gate_dnn"):
            if message.HasField(name):
                report.warn(f"{path}.{name}", "is not read, because there is no `expert_dnn`")
    _check_relation_towers(message, path, report)


def check_model_params(message: model_pb2.ModelParams, path: str, report: Report) -> None:
    """There are tasks, and each reads towers that are listed before it, by a `relation_dnn`."""
    check_towers(message, path, report)
    _check_relation_towers(message, path, report)
    for index, tower in enumerate(message.task_towers):
        is_read = tower.HasField("relation_dnn") or is_made_of(tower, *ORDER)
        if tower.relation_tower_names and not is_read:
            at, of = f"{path}.task_towers[{index}]", f"tower `{tower.tower_name}`"
            sentence = "is not read, because there is no `relation_dnn`"
            report.warn(f"{at}.relation_tower_names", sentence, of=of)


def _check_relation_towers(message: _Related, path: str, report: Report) -> None:
    for index, tower in enumerate(message.task_towers):
        of = f"tower `{tower.tower_name}`"
        tower_path = f"{path}.task_towers[{index}]"
        check_dnn(report, f"{tower_path}.relation_dnn", tower.relation_dnn, of=of)
        _check_relations(message, index, f"{tower_path}.relation_tower_names", report)


def _check_relations(message: _Related, index: int, path: str, report: Report) -> None:
    """What a tower reads exists, is there once, and was computed before it."""
    tower, towers = message.task_towers[index], [each.tower_name for each in message.task_towers]
    of, read = f"tower `{tower.tower_name}`", list(tower.relation_tower_names)
    parents = {each.tower_name: list(each.relation_tower_names) for each in message.task_towers}
    for place, name in enumerate(read):
        at = f"{path}[{place}]"
        if name not in towers:
            report.should_name(at, "a tower that is listed earlier", name, towers[:index], of=of)
        elif name in read[:place]:
            report.should(at, "name each tower once", name, of=of)
        elif name not in towers[:index]:
            report.should(at, _earlier(name, tower.tower_name, parents), name, of=of)


def _earlier(name: str, reader: str, parents: Mapping[str, Sequence[str]]) -> str:
    """The rule that a tower breaks which reads itself or a later one."""
    circle = _way(name, reader, parents, seen=[])
    if circle:
        return f"not close a circle, {' reads '.join([reader, *circle])}"
    return "name a tower that is listed earlier"


def _way(start: str, end: str, parents: Mapping[str, Sequence[str]], seen: list[str]) -> list[str]:
    """The names from a tower to one that it reads, by way of others or not; [] if it does not."""
    if start == end:
        return [end]
    seen.append(start)
    for parent in parents.get(start, ()):
        way = _way(parent, end, parents, seen) if parent not in seen else []
        if way:
            return [start, *way]
    return []


def check_stitched(
    message: model_pb2.CrossStitch | model_pb2.Sluice, path: str, report: Report
) -> None:
    """There are networks to mix, which start as shares of each other."""
    check_towers(message, path, report, least=2)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    if not 0 <= message.self_weight <= 1:
        report.should(f"{path}.self_weight", "be at least 0 and at most 1", message.self_weight)


def check_sluice(message: model_pb2.Sluice, path: str, report: Report) -> None:
    """Layers can be summed, and cut into sub-spaces."""
    check_stitched(message, path, report)
    check_at_least(report, f"{path}.orthogonality", message.orthogonality, 0)
    check_at_least(report, f"{path}.num_subspace", message.num_subspace, 1)
    widths, units_path = list(message.bottom_dnn.hidden_units), f"{path}.bottom_dnn.hidden_units"
    if len(set(widths)) > 1:
        report.should(units_path, "be equal, because sluice sums the layers", widths)
    elif any(width % max(message.num_subspace, 1) for width in widths):
        rule = f"be divisible by `num_subspace`, {message.num_subspace}"
        report.should(units_path, rule, widths)


def check_l2_constrained(message: model_pb2.L2Constrained, path: str, report: Report) -> None:
    """There are bottoms that can be drawn to each other."""
    check_towers(message, path, report, least=2)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    check_at_least(report, f"{path}.l2_constraint", message.l2_constraint, 0)


def check_tensor_factorization(
    message: model_pb2.TensorFactorization, path: str, report: Report
) -> None:
    """There are layers, and the ranks of their kernels."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn, needed=True)
    for name in ("input_rank", "output_rank", "task_rank"):
        check_at_least(report, f"{path}.{name}", getattr(message, name), 1)


def check_aitm(message: model_pb2.AITM, path: str, report: Report) -> None:
    """There are steps, each a probability, and something that they hand on."""
    check_towers(message, path, report, least=2)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn)
    check_dnn(report, f"{path}.transfer_mlp", message.transfer_mlp, needed=True)
    check_at_least(report, f"{path}.order_weight", message.order_weight, 0)
    for index, tower in enumerate(message.task_towers):
        of, tower_path = f"tower `{tower.tower_name}`", f"{path}.task_towers[{index}]"
        units = list(tower.dnn.hidden_units)
        check_kind(tower, (EVENT,), tower_path, "aitm", report)
        if not (any(units) or tower.dnn.interactions):
            path_of_units = f"{tower_path}.dnn.hidden_units"
            report.should(path_of_units, "have a layer in aitm", units or None, of=of)


def check_single_task(message: model_pb2.SingleTask, path: str, report: Report) -> None:
    """There are tasks."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.bottom_dnn", message.bottom_dnn)
