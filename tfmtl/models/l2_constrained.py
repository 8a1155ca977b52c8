"""L2-constrained, or soft parameter sharing: a bottom for each task, drawn to those of the others.

    h_k = f_k(x)
    c_k = head_k(tower_k(h_k))
    penalty = l2_constraint · Σ_{i<j} ‖θ_i − θ_j‖²

θ_k are all trainable weights of f_k; the bottoms have equal layers.

References:
    Duong et al., "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural
    Network Parser", ACL 2015, https://aclanthology.org/P15-2139
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._groups import Groups
from tfmtl.models._towers import dnn_arguments, parallel_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.L2Constrained, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    bottoms = layers.SimilarBank(
        len(config.task_towers),
        **dnn_arguments(config.bottom_dnn),
        l2_constraint=config.l2_constraint,
        l2=config.l2_regularization,
        name="bottoms",
    )
    h = bottoms(groups["all"])
    return parallel_logits(config.task_towers, h, config.l2_regularization, groups)
