"""Progressive layered extraction: networks of own and shared experts, one on top of the other.

In network l, with x_k^0 = x_s^0 = x,

    S^k = [experts of task k on x_k^{l−1}, shared experts on x_s^{l−1}]
    x_k^l = Σ_e softmax(W_k·x_k^{l−1} + b_k)_e · S^k_e
    x_s^l = Σ_e softmax(W_s·x_s^{l−1} + b_s)_e · [all tasks' experts, shared experts]_e

and after the last one, which needs no x_s,

    c_k = head_k(tower_k(x_k^L))

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, eq. 5-8
"""

from __future__ import annotations

import itertools

import tf_keras as keras

from tfmtl.models._experts import bank, mixture, split
from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.PLE, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    networks, l2 = config.extraction_networks, config.l2_regularization
    x_s = groups["all"]
    x = {tower.tower_name: x_s for tower in config.task_towers}
    for index, network in enumerate(networks):
        name = network.network_name or f"network_{index}"
        own = _own_experts(network, x, l2, name)
        shared = _shared_experts(network, x_s, l2, name)
        x = {
            task: mixture(network, [*own[task], *shared], x[task], l2, f"{name}_{task}_")
            for task in x
        }
        if any(later.share_num for later in networks[index + 1 :]):  # Else nothing reads x_s.
            experts = [*itertools.chain(*own.values()), *shared]
            x_s = mixture(network, experts, x_s, l2, f"{name}_")
    return {
        tower.tower_name: task_logits(tower, x[tower.tower_name], l2, groups)
        for tower in config.task_towers
    }


def _own_experts(
    network: model_pb2.ExtractionNetwork, x: dict[str, keras.KerasTensor], l2: float, name: str
) -> dict[str, list[keras.KerasTensor]]:
    """Each task's own experts; empty lists if there are none."""
    count = network.expert_num_per_task
    if not count:
        return {task: [] for task in x}
    inputs = list(x.values())
    if all(stream is inputs[0] for stream in inputs):  # One bank for all, as in the first network.
        everyone = bank(network.task_expert_net, len(x) * count, l2, f"{name}_own_experts")
        return dict(zip(x, split(everyone(inputs[0]), count), strict=True))
    return {
        task: bank(network.task_expert_net, count, l2, f"{name}_{task}_experts")(stream)
        for task, stream in x.items()
    }


def _shared_experts(
    network: model_pb2.ExtractionNetwork, x_s: keras.KerasTensor, l2: float, name: str
) -> list[keras.KerasTensor]:
    """The shared experts; an empty list if there are none."""
    if not network.share_num:
        return []
    return bank(network.share_expert_net, network.share_num, l2, f"{name}_experts")(x_s)
