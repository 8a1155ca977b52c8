"""Adaptive information transfer multi-task: each step of a path takes what it needs of the last.

    t_k = tower_k(bottom(x))
    q_1 = t_1
    q_k = Σ_u softmax_u(⟨h₂(u), h₃(u)⟩ / √d) · h₁(u),   u ∈ {transfer_k(q_{k−1}), t_k}
    c_k = head_k(q_k)
    penalty = order_weight · mean Σ_{k>1} max(σ(c_k) − σ(c_{k−1}), 0)

The tasks are the steps in order, such as impression → click → purchase, and their probabilities
those of having come so far, over all rows: a later one should not be above an earlier one. With
`stop_gradient`, q_{k−1} is taken as it is: step k does not teach those before.

References:
    Xi et al., "Modeling the Sequential Dependence among Audience Multi-step Conversions with
    Multi-task Learning in Targeted Display Advertising", KDD 2021,
    https://arxiv.org/abs/2105.08489, section 3
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._groups import Groups
from tfmtl.models._towers import dnn, head_logits, stack, tower_output
from tfmtl.protos import model_pb2, tower_pb2


def logits(config: model_pb2.AITM, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    l2, h = config.l2_regularization, groups["all"]
    if config.HasField("bottom_dnn"):
        h = stack(config.bottom_dnn, h, l2, groups, name="bottom")
    q, steps = None, {}
    for tower in config.task_towers:
        t = tower_output(tower, h, l2, groups)
        q = t if q is None else _transfer(config, tower, q, t)
        steps[tower.tower_name] = head_logits(tower, q, l2)
    if not config.order_weight:
        return steps
    calibrator = layers.OrderCalibrator(config.order_weight, name="order")
    return dict(zip(steps, calibrator(list(steps.values())), strict=True))


def _transfer(
    config: model_pb2.AITM, tower: tower_pb2.TaskTower, q: keras.KerasTensor, t: keras.KerasTensor
) -> keras.KerasTensor:
    """q_k, of the q of the task before and the task's own t_k."""
    task = tower.tower_name
    if config.stop_gradient:
        q = layers.StopGradient(name=f"{task}_before")(q)
    p = dnn(config.transfer_mlp, config.l2_regularization, name=f"{task}_transfer")(q)
    width = config.project_dim or t.shape[-1]
    return layers.TransferAttention(width, name=f"{task}_attention")([p, t])
