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

from tfmtl.models._experts import bank, mixture, split
from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.CGC, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    shared = _shared_experts(config, x)
    return {
        tower.tower_name: task_logits(
            tower, mixture(config, [*own, *shared], x, l2, f"{tower.tower_name}_"), l2, groups
        )
        for tower, own in zip(config.task_towers, _own_experts(config, x), strict=True)
    }


def _own_experts(config: model_pb2.CGC, x: keras.KerasTensor) -> list[list[keras.KerasTensor]]:
    """Each task's own experts, of one bank; empty lists if there are none."""
    tasks, count = len(config.task_towers), config.expert_num_per_task
    if not count:
        return [[]] * tasks
    experts = bank(config.expert_dnn, tasks * count, config.l2_regularization, name="own_experts")
    return split(experts(x), count)


def _shared_experts(config: model_pb2.CGC, x: keras.KerasTensor) -> list[keras.KerasTensor]:
    """The shared experts; an empty list if there are none.

    A bank apart from the tasks' own: one bank of all takes longer.
    """
    if not config.share_num:
        return []
    return bank(config.expert_dnn, config.share_num, config.l2_regularization, name="experts")(x)
