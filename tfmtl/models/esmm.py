"""Entire space multi-task model: conversion learned over all impressions, by way of the click.

    pCTR = σ(c_ctr),  pCVR = σ(c_cvr),  pCTCVR = pCTR · pCVR

A conversion is only seen after a click, so a plain CVR tower would learn from clicked rows and
serve all of them. Here the losses are on pCTR (the click) and on pCTCVR (click and conversion),
both over all rows; pCVR has none of its own and is measured on clicked rows.

With a regression for `cvr` (a value instead of a conversion) the product is y_cvr · σ(c_ctr).
With `share_embedding: false`, the paper's ESMM-NS, each tower has its own tables and group layers.

References:
    Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, https://arxiv.org/abs/1804.07931, eq. 1 and 3
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import config as configs
from tfmtl import layers
from tfmtl.config.heads import NUMBER, head_kind
from tfmtl.config.views import ESMM_PRODUCT as PRODUCT
from tfmtl.models._conversion import conversion_tasks
from tfmtl.models._groups import Groups
from tfmtl.models._towers import group_bottoms, task_logits
from tfmtl.protos import model_pb2, pipeline_pb2, tower_pb2
from tfmtl.tasks import Task


def logits(config: model_pb2.ESMM, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the feature groups to the logits of click, conversion and both."""
    ctr, cvr, l2 = config.ctr_tower, config.cvr_tower, config.l2_regularization
    x_ctr, x_cvr = _inputs(config, groups)
    c_ctr = task_logits(ctr, x_ctr, l2, _read_by(ctr, config, groups))
    c_cvr = task_logits(cvr, x_cvr, l2, _read_by(cvr, config, groups))
    product = _value_product if head_kind(cvr) == NUMBER else _sigmoid_product
    return {ctr.tower_name: c_ctr, cvr.tower_name: c_cvr, PRODUCT: product(c_ctr, c_cvr)}


def tasks(pipeline: pipeline_pb2.Pipeline) -> list[Task]:
    """The click; the conversion, only measured, on clicked rows; and both, over all rows."""
    ctr, cvr = configs.towers(pipeline)
    return [*conversion_tasks(ctr, cvr, pipeline, step=cvr.tower_name, both=PRODUCT)]


def _inputs(config: model_pb2.ESMM, groups: Groups) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """What the two towers read."""
    if config.share_embedding:
        x = group_bottoms(config, groups)
        return x, x
    ctr, cvr = config.ctr_tower, config.cvr_tower
    return (
        group_bottoms(config, _read_by(ctr, config, groups), prefix=f"{ctr.tower_name}_"),
        group_bottoms(config, _read_by(cvr, config, groups), prefix=f"{cvr.tower_name}_"),
    )


def _read_by(tower: tower_pb2.TaskTower, config: model_pb2.ESMM, groups: Groups) -> Groups:
    """The groups over the tables that a tower reads."""
    return groups if config.share_embedding else groups.own(tower.tower_name)


def _sigmoid_product(c_ctr: keras.KerasTensor, c_cvr: keras.KerasTensor) -> keras.KerasTensor:
    steps = [
        ("impression", [("click", 0)], [layers.REST]),
        ("click", [("conversion", 1)], [layers.REST]),
    ]
    return layers.EventLogit(steps, name=f"{PRODUCT}_logits")([c_ctr, c_cvr])


def _value_product(c_ctr: keras.KerasTensor, y_cvr: keras.KerasTensor) -> keras.KerasTensor:
    p_ctr = keras.layers.Activation("sigmoid", name="p_ctr")(c_ctr)
    return keras.layers.Multiply(name=f"{PRODUCT}_logits")([p_ctr, y_cvr])
