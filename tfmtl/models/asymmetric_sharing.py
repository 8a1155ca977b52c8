"""Asymmetric sharing: bottoms that some tasks read and others do not.

    h_k = join of f_j(x) over the bottoms j that task k reads
    c_k = head_k(tower_k(h_k))

where to join is to concatenate, to sum or to take the mean.

References:
    Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, https://doi.org/10.1145/3383313.3412236, figure 1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import stack, task_logits
from tfmtl.protos import model_pb2

_JOINS = {
    model_pb2.AsymmetricSharing.CONCAT: keras.layers.Concatenate,
    model_pb2.AsymmetricSharing.SUM: keras.layers.Add,
    model_pb2.AsymmetricSharing.MEAN: keras.layers.Average,
}


def logits(config: model_pb2.AsymmetricSharing, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    x, l2 = groups["all"], config.l2_regularization
    bottoms = {
        bottom.bottom_name: stack(bottom.dnn, x, l2, groups, f"{bottom.bottom_name}_bottom")
        for bottom in config.bottoms
    }
    h = {
        reader.tower_name: _join(reader, [bottoms[name] for name in reader.bottom_names])
        for reader in config.task_bottoms
    }
    return {
        tower.tower_name: task_logits(tower, h[tower.tower_name], l2, groups)
        for tower in config.task_towers
    }


def _join(reader: model_pb2.TaskBottoms, outputs: list[keras.KerasTensor]) -> keras.KerasTensor:
    """The bottoms of a task as one vector."""
    if len(outputs) == 1:
        return outputs[0]
    return _JOINS[reader.join](name=f"{reader.tower_name}_bottoms")(outputs)
