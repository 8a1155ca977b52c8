"""Towers on a backbone, a network of blocks that the config wires.

    h_k = backbone(x)                            or the k-th of its outputs, if it gives a list
    t_k = tower_k(h_k)
    r_k = relation_k([t_k, r_j for j in `relation_tower_names`])     t_k without `relation_dnn`
    c_k = head_k(r_k)

The blocks' equations are those of their layers. With ORDER_CALIBRATE_LOSS there is a penalty on a
task that is likelier than those in `relation_tower_names`, as in `dbmtl`.

References:
    EasyRec, "MultiTaskModel" and its components,
    https://easyrec.readthedocs.io/en/latest/component/backbone.html
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._relations import in_order, relation
from tfmtl.models._towers import head_logits, tower_output
from tfmtl.protos import model_pb2


def logits(config: model_pb2.ModelParams, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the backbone's output to the logits by task."""
    towers, l2, h = config.task_towers, config.l2_regularization, groups.backbone()
    inputs = h if isinstance(h, list) else [h] * len(towers)
    relations: dict[str, keras.KerasTensor] = {}
    for tower, h_k in zip(towers, inputs, strict=True):
        t = tower_output(tower, h_k, l2, groups)
        is_related = tower.HasField("relation_dnn")
        relations[tower.tower_name] = relation(tower, t, relations, l2) if is_related else t
    logits = {
        tower.tower_name: head_logits(tower, relations[tower.tower_name], l2) for tower in towers
    }
    return {tower.tower_name: in_order(tower, logits) for tower in towers}
