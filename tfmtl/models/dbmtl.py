"""Deep Bayesian multi-target learning: tasks that read what earlier tasks have made of the input.

    h   = bottom(x)                                  x itself without `bottom_dnn`
    h_k = Σ_e softmax(W_k·h + b_k)_e · f_e(h)        h itself without `expert_dnn`
    t_k = tower_k(h_k)
    r_k = relation_k([t_k, r_j for j in `relation_tower_names`])
    c_k = head_k(r_k)

By the chain rule p(t_1 … t_T | x) = Π_k p(t_k | its parents, x): the loss is the sum of the tasks'.
What flows from a parent is its vector r_j, not its probability. With ORDER_CALIBRATE_LOSS, of some
weight, there is a penalty on a task that is likelier than its parents:

    penalty_k = weight · mean Σ_j max(σ(c_k) − σ(c_j), 0)

References:
    Wang et al., "Deep Bayesian Multi-Target Learning for Recommender Systems", 2019,
    https://arxiv.org/abs/1902.09154
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._experts import bank, mixture
from tfmtl.models._groups import Groups
from tfmtl.models._relations import in_order, relation
from tfmtl.models._towers import head_logits, stack, tower_output
from tfmtl.protos import model_pb2


def logits(config: model_pb2.DBMTL, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    l2 = config.l2_regularization
    inputs = _task_inputs(config, _bottom(config, groups))
    relations: dict[str, keras.KerasTensor] = {}
    for tower in config.task_towers:
        t = tower_output(tower, inputs[tower.tower_name], l2, groups)
        relations[tower.tower_name] = relation(tower, t, relations, l2)
    logits = {
        tower.tower_name: head_logits(tower, relations[tower.tower_name], l2)
        for tower in config.task_towers
    }
    return {tower.tower_name: in_order(tower, logits) for tower in config.task_towers}


def _bottom(config: model_pb2.DBMTL, groups: Groups) -> keras.KerasTensor:
    x = groups["all"]
    if not config.HasField("bottom_dnn"):
        return x
    return stack(config.bottom_dnn, x, config.l2_regularization, groups, name="bottom")


def _task_inputs(config: model_pb2.DBMTL, h: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """What each task's tower reads: the bottom, or a mixture of experts on it."""
    tasks = [tower.tower_name for tower in config.task_towers]
    if not config.HasField("expert_dnn"):
        return dict.fromkeys(tasks, h)
    l2 = config.l2_regularization
    experts = bank(config.expert_dnn, config.num_expert, l2, "experts")(h)
    return {task: mixture(config, experts, h, l2, f"{task}_") for task in tasks}
