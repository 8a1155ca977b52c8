"""Division: the conversion rate as the quotient of two models that share nothing.

    pCTR = σ(c_ctr),  pCTCVR = σ(c_ctcvr)
    pCVR = min(pCTCVR / pCTR, 1)

Each model learns over all rows: the click, and click and conversion. What the quotient is above 1
says nothing any more; `cvr_clipped` tells of which share of the rows that is. A baseline of ESMM,
which keeps the order of the two by construction.

References:
    Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, https://arxiv.org/abs/1804.07931, section 3.1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import config as configs
from tfmtl import layers
from tfmtl.config.views import DIVISION_CLIPPED as CLIPPED
from tfmtl.config.views import DIVISION_RATIO as RATIO
from tfmtl.models._conversion import conversion_tasks
from tfmtl.models._groups import Groups
from tfmtl.models._towers import group_bottoms, task_logits
from tfmtl.protos import model_pb2, pipeline_pb2, tower_pb2
from tfmtl.tasks import RegressionHead, SampleSpace, Task, build_factors, build_label


def logits(config: model_pb2.Division, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the two models, and their quotient."""
    both, click = (
        _model(config, tower, groups) for tower in (config.ctcvr_tower, config.ctr_tower)
    )
    return {
        config.ctr_tower.tower_name: click,
        config.ctcvr_tower.tower_name: both,
        RATIO: layers.SigmoidRatio(name=f"{RATIO}_logits")([both, click]),
        CLIPPED: layers.IsRatioClipped(name=f"{CLIPPED}_logits")([both, click]),
    }


def _model(
    config: model_pb2.Division, tower: tower_pb2.TaskTower, groups: Groups
) -> keras.KerasTensor:
    """The logits of a tower that shares nothing."""
    own = groups.own(tower.tower_name)
    x = group_bottoms(config, own, prefix=f"{tower.tower_name}_")
    return task_logits(tower, x, config.l2_regularization, own)


def tasks(pipeline: pipeline_pb2.Pipeline) -> list[Task]:
    """Click and both, over all rows; the quotient, on clicked rows; and where it was clipped."""
    ctr, ctcvr = configs.towers(pipeline)
    click, ratio, both = conversion_tasks(ctr, ctcvr, pipeline, step=RATIO, both=ctcvr.tower_name)
    clipped = Task(
        CLIPPED,
        RegressionHead(),
        SampleSpace(build_label(ctr), build_factors(ctcvr, pipeline)),
        trained=False,
        metrics={"mean_prediction": {}},
    )
    return [click, both, ratio, clipped]
