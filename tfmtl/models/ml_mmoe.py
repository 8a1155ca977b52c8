"""Multi-level multi-gate mixture of experts: experts over mixtures of experts.

    f_{1,j} = expert_{1,j}(x)
    f_{l,j} = expert_{l,j}(Σ_i softmax(W_{l,j}·x + b_{l,j})_i · f_{l−1,i}),  l = 2…L
    h_k = Σ_i softmax(W_k·x + b_k)_i · f_{L,i}
    c_k = head_k(tower_k(h_k))

Every gate reads x itself.

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, figure 1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._experts import bank, mixture
from tfmtl.models._groups import Groups
from tfmtl.models._towers import task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.MLMMoE, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    experts = _experts(config, x)
    return {
        tower.tower_name: task_logits(
            tower, mixture(config, experts, x, l2, f"{tower.tower_name}_"), l2, groups
        )
        for tower in config.task_towers
    }


def _experts(config: model_pb2.MLMMoE, x: keras.KerasTensor) -> list[keras.KerasTensor]:
    """The outputs of the last level's experts, each `(batch, units)`."""
    l2 = config.l2_regularization
    outputs: list[keras.KerasTensor] = []
    for number, level in enumerate(config.levels, start=1):
        name, inputs = f"level_{number}", x
        if outputs:
            gates = _gates(config, level.num_expert, len(outputs), x, name)
            inputs = layers.MixForEach(name=f"{name}_mixtures")([*outputs, gates])
        outputs = bank(level.expert_dnn, level.num_expert, l2, f"{name}_experts")(inputs)
    return outputs


def _gates(
    config: model_pb2.MLMMoE, num_gates: int, num_experts: int, x: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    """The weights that the experts of a level give to those below, `(batch, gates, experts)`."""
    selector = x
    if any(config.gate_dnn.hidden_units):
        hidden = bank(config.gate_dnn, num_gates, config.l2_regularization, f"{name}_gate_dnn")
        selector = hidden(x)
    return layers.GateBank(num_gates, num_experts, name=f"{name}_gates")(selector)
