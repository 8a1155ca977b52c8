"""Customized sharing: each task has a bottom of its own beside the one that all share.

    h_k = [f_k(x), f_s(x)]
    c_k = head_k(tower_k(h_k))

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, figure 1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import stack, task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.CustomizedSharing, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    shared = stack(config.bottom_dnn, x, l2, groups, name="bottom")

    def bottoms(task: str) -> keras.KerasTensor:
        own = stack(config.task_bottom_dnn, x, l2, groups, name=f"{task}_bottom")
        return keras.layers.Concatenate(name=f"{task}_bottoms")([own, shared])

    return {
        tower.tower_name: task_logits(tower, bottoms(tower.tower_name), l2, groups)
        for tower in config.task_towers
    }
