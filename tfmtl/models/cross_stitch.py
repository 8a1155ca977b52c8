"""Cross-stitch networks: a network for each task, mixed with the others' after every layer.

    x_{k,l} = f_{k,l}(x̃_{k,l−1}),   x̃_{k,0} = x
    x̃_{k,l} = Σ_j α_{l,kj} · x_{j,l}
    c_k = head_k(tower_k(x̃_{k,L}))

α_l starts as `self_weight` on the diagonal and (1 − self_weight) / (T − 1) off it.

References:
    Misra et al., "Cross-stitch Networks for Multi-task Learning", CVPR 2016,
    https://arxiv.org/abs/1604.03539, eq. 1
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._groups import Groups
from tfmtl.models._towers import layer_arguments, parallel_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.CrossStitch, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    networks, l2 = len(config.task_towers), config.l2_regularization
    h = groups["all"]
    for index, arguments in enumerate(layer_arguments(config.bottom_dnn)):
        h = layers.ExpertBank(networks, **arguments, l2=l2, name=f"bottoms_{index}")(h)
        h = layers.CrossStitch(
            config.self_weight, per_channel=config.per_channel, name=f"stitch_{index}"
        )(h)
    return parallel_logits(config.task_towers, h, l2, groups)
