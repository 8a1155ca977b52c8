"""Customized gate control: each task has experts of its own beside those that all share.

    S^k = [f_{k,1}(x), …, f_{k,m}(x), f_{s,1}(x), …, f_{s,n}(x)]
    w^k = softmax(W_k·x + b_k)
    h_k = Σ_e w^k_e · S^k_e
    c_k = head_k(tower_k(h_k))

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, eq. 1-4
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._experts import bank, mixture
from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.CGC, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    own, shared = _experts(config, x)
    return {
        tower.tower_name: task_logits(
            tower, mixture([*experts, *shared], x, f"{tower.tower_name}_"), l2
        )
        for tower, experts in zip(config.task_towers, own, strict=True)
    }


def _experts(
    config: model_pb2.CGC, x: keras.KerasTensor
) -> tuple[list[list[keras.KerasTensor]], list[keras.KerasTensor]]:
    """Each task's own experts and the shared ones; lists, empty where there are none.

    All are one bank: the first task's, the next task's, …, the shared ones.
    """
    tasks = len(config.task_towers)
    sizes = [config.expert_num_per_task] * tasks + [config.share_num]
    experts = bank(config.expert_dnn, sum(sizes), config.l2_regularization, name="experts")(x)
    if not config.expert_num_per_task:
        return [[]] * tasks, [experts]
    if not config.share_num:
        sizes.pop()
    parts = layers.SplitExperts(sizes, name="experts_by_owner")(experts)
    return [[part] for part in parts[:tasks]], parts[tasks:]
