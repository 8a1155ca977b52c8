"""Rules of the architectures whose tasks mix experts."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.rules.common import check_at_least, check_layer_name, check_unique
from tfmtl.config.rules.layers import check_dnn
from tfmtl.config.rules.tasks import check_towers
from tfmtl.protos import model_pb2


def check_mmoe(message: model_pb2.MMoE, path: str, report: Report) -> None:
    """The experts are a number of equal ones, or are listed."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.gate_dnn", message.gate_dnn)
    if message.HasField("expert_dnn"):
        check_bank(message, path, report)
        if message.experts:
            report.warn(f"{path}.experts", "is not read, because there is `expert_dnn`")
    elif message.experts:
        _check_listed(message, f"{path}.experts", report)
    else:
        report.should(f"{path}.expert_dnn", "describe an expert's layers")


def check_omoe(message: model_pb2.OMoE, path: str, report: Report) -> None:
    """There are experts and tasks."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.gate_dnn", message.gate_dnn)
    check_bank(message, path, report)


def check_ml_mmoe(message: model_pb2.MLMMoE, path: str, report: Report) -> None:
    """There are levels, each with experts, and tasks."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.gate_dnn", message.gate_dnn)
    for index, level in enumerate(message.levels):
        check_bank(level, f"{path}.levels[{index}]", report)
    if not message.levels:
        report.should(f"{path}.levels", "describe the levels of experts")


def check_cgc(message: model_pb2.CGC, path: str, report: Report) -> None:
    """There are experts of some kind, and tasks."""
    check_towers(message, path, report)
    check_dnn(report, f"{path}.gate_dnn", message.gate_dnn)
    _check_counts(message, path, report)
    check_dnn(report, f"{path}.expert_dnn", message.expert_dnn, needed=True)


def check_ple(message: model_pb2.PLE, path: str, report: Report) -> None:
    """There are networks, each with a name of its own and experts of one width, and tasks."""
    check_towers(message, path, report)
    names = []
    for index, network in enumerate(message.extraction_networks):
        at = f"{path}.extraction_networks[{index}]"
        if network.network_name:
            check_layer_name(report, f"{at}.network_name", network.network_name)
        names.append((at, network.network_name or f"network_{index}"))
        _check_network(network, at, report)
    check_unique(report, names)
    if not names:
        report.should(f"{path}.extraction_networks", "describe the levels of experts")


def check_bank(
    message: model_pb2.MMoE | model_pb2.OMoE | model_pb2.ExpertLevel | model_pb2.DBMTL,
    path: str,
    report: Report,
) -> None:
    """There are experts, and they have layers."""
    check_at_least(report, f"{path}.num_expert", message.num_expert, 1)
    check_dnn(report, f"{path}.expert_dnn", message.expert_dnn, needed=True)


def _check_network(network: model_pb2.ExtractionNetwork, path: str, report: Report) -> None:
    _check_counts(network, path, report)
    counts = {
        "task_expert_net": "expert_num_per_task",
        "share_expert_net": "share_num",
    }
    for net, count in counts.items():
        if getattr(network, count):
            check_dnn(report, f"{path}.{net}", getattr(network, net), needed=True)
        elif network.HasField(net):
            report.warn(f"{path}.{net}", f"is not read, because `{count}` is 0")
    check_dnn(report, f"{path}.gate_dnn", network.gate_dnn)
    own, shared = network.task_expert_net.hidden_units, network.share_expert_net.hidden_units
    if network.expert_num_per_task and network.share_num and own and shared:
        if own[-1] != shared[-1]:
            rule = f"end in the width of `task_expert_net`, {own[-1]}"
            report.should(f"{path}.share_expert_net.hidden_units", rule, list(shared))


def _check_counts(
    message: model_pb2.CGC | model_pb2.ExtractionNetwork, path: str, report: Report
) -> None:
    """A task has experts, of its own or shared."""
    if not (message.expert_num_per_task or message.share_num):
        rule = "be at least 1, or `share_num` should"
        report.should(f"{path}.expert_num_per_task", rule, message.expert_num_per_task)


def _check_listed(message: model_pb2.MMoE, path: str, report: Report) -> None:
    for index, expert in enumerate(message.experts):
        if expert.expert_name:
            check_layer_name(report, f"{path}[{index}].expert_name", expert.expert_name)
        check_dnn(report, f"{path}[{index}].dnn", expert.dnn, needed=True)
    widths = [expert.dnn.hidden_units[-1] for expert in message.experts if expert.dnn.hidden_units]
    if len(set(widths)) > 1:
        report.should(path, "end in the same width", widths)
