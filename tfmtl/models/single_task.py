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
from tfmtl.models._towers import stack, task_logits
from tfmtl.protos import model_pb2, tower_pb2


def logits(config: model_pb2.SingleTask, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds a graph for each task from a group `all` of its own to its logits."""
    return {
        tower.tower_name: _task(config, tower, groups.own(tower.tower_name))
        for tower in config.task_towers
    }


def _task(
    config: model_pb2.SingleTask, tower: tower_pb2.TaskTower, groups: Groups
) -> keras.KerasTensor:
    """The logits of a task, from groups of its own."""
    h, l2 = groups["all"], config.l2_regularization
    if config.HasField("bottom_dnn"):
        h = stack(config.bottom_dnn, h, l2, groups, name=f"{tower.tower_name}_bottom")
    return task_logits(tower, h, l2, groups)
