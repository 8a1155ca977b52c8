"""Entire space by post-click behaviour: between click and purchase, a clicked item is acted on.

    y_1 = p(click),  y_2 = p(action | click)
    y_3 = p(buy | action),  y_4 = p(buy | click without an action)

    pCTR = y_1
    pCTAVR = y_1 · y_2
    pCTCVR = y_1 · [(1 − y_2)·y_4 + y_2·y_3]

y_i = σ(c_i) of tower i. Such an action, as to put an item into the cart, happens more often than a
purchase and mostly goes before it. The losses are on the three products, over all rows.

References:
    Wen et al., "Entire Space Multi-Task Modeling via Post-Click Behavior Decomposition for
    Conversion Rate Prediction", SIGIR 2020, https://arxiv.org/abs/1910.07099
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl.models._groups import Groups
from tfmtl.models._towers import stack, task_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.ESM2, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits c_i of the four steps.

    What they make together is a funnel, as `tfmtl.config.funnels` describes it.
    """
    l2, h = config.l2_regularization, groups["all"]
    if config.HasField("bottom_dnn"):
        h = stack(config.bottom_dnn, h, l2, groups, name="bottom")
    towers = (
        config.click_tower,
        config.action_tower,
        config.buy_after_action_tower,
        config.buy_after_other_tower,
    )
    return {tower.tower_name: task_logits(tower, h, l2, groups) for tower in towers}
