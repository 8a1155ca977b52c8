"""Single tasks side by side: nothing is shared, not even embeddings.

    h_k = f_k(x_k)
    c_k = head_k(tower_k(h_k))

x_k are the features over embedding tables of task k's own. It is the twin of an architecture that
shares: a task that is better here was harmed by the others.

References:
    Standley et al., "Which Tasks Should Be Learned Together in Multi-task Learning?", ICML 2020,
    https://arxiv.org/abs/1905.07553 (single tasks as the measure of what sharing does)
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import dnn, task_logits
from tfmtl.protos import model_pb2, tower_pb2


def logits(config: model_pb2.SingleTask, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds a graph for each task from a group `all` of its own to its logits."""
    return {
        tower.tower_name: task_logits(
            tower, _bottom(config, tower, groups), config.l2_regularization
        )
        for tower in config.task_towers
    }


def _bottom(
    config: model_pb2.SingleTask, tower: tower_pb2.TaskTower, groups: Groups
) -> keras.KerasTensor:
    x = groups.own(tower.tower_name)["all"]
    if not config.HasField("bottom_dnn"):
        return x
    return dnn(config.bottom_dnn, config.l2_regularization, name=f"{tower.tower_name}_bottom")(x)
