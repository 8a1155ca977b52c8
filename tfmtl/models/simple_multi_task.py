"""Towers on shared embeddings: nothing else is shared.

    c_k = head_k(tower_k(x))

References:
    EasyRec, "SimpleMultiTask", https://easyrec.readthedocs.io/en/latest/models/simple_multi_task.html
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.SimpleMultiTask, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x = groups["all"]
    return {
        tower.tower_name: task_logits(tower, x, config.l2_regularization, groups)
        for tower in config.task_towers
    }
