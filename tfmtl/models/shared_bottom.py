"""Shared bottom, or hard parameter sharing: one network for all tasks, then a tower for each.

    h = f(x)
    c_k = head_k(tower_k(h))

References:
    Caruana, "Multitask Learning", Machine Learning 28, 1997, https://doi.org/10.1023/A:1007379606734
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import stack, task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.SharedBottom, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    l2 = config.l2_regularization
    h = stack(config.bottom_dnn, groups["all"], l2, groups, name="bottom")
    return {tower.tower_name: task_logits(tower, h, l2, groups) for tower in config.task_towers}
