"""One-gate mixture of experts: the plain mixture of experts, as the bottom of all tasks.

    g = softmax(W·x + b)
    h = Σ_e g_e · f_e(x)
    c_k = head_k(tower_k(h))

References:
    Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, https://doi.org/10.1145/3219819.3220007, section 4.1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._experts import bank, mixture
from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.OMoE, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    experts = bank(config.expert_dnn, config.num_expert, l2, name="experts")(x)
    h = mixture(config, experts, x, l2)
    return {tower.tower_name: task_logits(tower, h, l2, groups) for tower in config.task_towers}
