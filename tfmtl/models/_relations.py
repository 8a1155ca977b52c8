"""Relations of tasks: what a task reads of earlier ones, and the order of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import tf_keras as keras

from tfmtl import layers
from tfmtl.config.heads import ORDER
from tfmtl.models._towers import dnn
from tfmtl.protos import tower_pb2


def relation(
    tower: tower_pb2.BayesTaskTower,
    t: keras.KerasTensor,
    relations: Mapping[str, keras.KerasTensor],
    l2: float,
) -> keras.KerasTensor:
    """r_k = relation_k([t_k, r_j …]), of the task's own t_k and the r_j of earlier tasks."""
    task, parents = tower.tower_name, [relations[name] for name in tower.relation_tower_names]
    if parents:
        t = keras.layers.Concatenate(name=f"{task}_parents")([t, *parents])
    if not tower.HasField("relation_dnn"):
        return t
    return dnn(tower.relation_dnn, l2, name=f"{task}_relation")(t)


def in_order(
    tower: tower_pb2.BayesTaskTower, logits: Mapping[str, keras.KerasTensor]
) -> keras.KerasTensor:
    """The logits of a task, with a penalty on being likelier than its parents if that is asked."""
    own, parents = logits[tower.tower_name], list(tower.relation_tower_names)
    weight = sum(each.weight for each in tower.losses if each.loss_type in ORDER)
    if not weight or not parents:
        return own
    pairs = [(0, place) for place in range(1, len(parents) + 1)]
    calibrator = layers.OrderCalibrator(weight, pairs, name=f"{tower.tower_name}_order")
    return calibrator([own, *(logits[name] for name in parents)])[0]
