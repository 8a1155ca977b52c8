"""Tensor factorization: a bottom for each task, whose kernels are together of low rank.

    h_k = a(x·W_k + b_k),   W_k = U₁·(Σ_c U₃[k,c]·S[:,:,c])·U₂ᵀ
    c_k = head_k(tower_k(h_k))

Each layer has a core S and factors U₁ (inputs), U₂ (units) and U₃ (tasks) of its own.

References:
    Yang & Hospedales, "Deep Multi-task Representation Learning: A Tensor Factorisation Approach",
    ICLR 2017, https://arxiv.org/abs/1605.06391
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._groups import Groups
from tfmtl.models._towers import dnn_arguments, parallel_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.TensorFactorization, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    bottoms = layers.TuckerBank(
        len(config.task_towers),
        **dnn_arguments(config.bottom_dnn),
        ranks=[config.input_rank, config.output_rank, config.task_rank],
        l2=config.l2_regularization,
        name="bottoms",
    )
    h = bottoms(groups["all"])
    return parallel_logits(config.task_towers, h, config.l2_regularization, groups)
