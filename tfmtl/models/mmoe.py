"""Multi-gate mixture of experts: all tasks read the same experts, each through a gate of its own.

    g^k = softmax(W_k·x + b_k)
    h_k = Σ_e g^k_e · f_e(x)
    c_k = head_k(tower_k(h_k))

References:
    Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, https://doi.org/10.1145/3219819.3220007, section 4.2
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.config.layer_names import layer_names
from tfmtl.errors import ConfigError
from tfmtl.models._experts import bank, mixture
from tfmtl.models._groups import Groups
from tfmtl.models._towers import dnn, task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.MMoE, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    experts = _experts(config, x)
    return {
        tower.tower_name: task_logits(
            tower, mixture(config, experts, x, l2, f"{tower.tower_name}_"), l2, groups
        )
        for tower in config.task_towers
    }


def _experts(config: model_pb2.MMoE, x: keras.KerasTensor) -> list[keras.KerasTensor]:
    """The outputs of all experts, each `(batch, units)`."""
    if not config.HasField("expert_dnn"):
        return _listed_experts(config, x)
    return bank(config.expert_dnn, config.num_expert, config.l2_regularization, name="experts")(x)


def _listed_experts(config: model_pb2.MMoE, x: keras.KerasTensor) -> list[keras.KerasTensor]:
    """EasyRec's older form, a `DNN` for each expert, of any depth."""
    widths = [expert.dnn.hidden_units[-1] for expert in config.experts]
    if len(set(widths)) != 1:
        raise ConfigError(
            [f"`model_config.mmoe.experts` should all end in the same width. Received: {widths}."]
        )
    names = layer_names(expert.expert_name for expert in config.experts)
    return [
        dnn(expert.dnn, config.l2_regularization, f"expert_{name}")(x)
        for name, expert in zip(names, config.experts, strict=True)
    ]
