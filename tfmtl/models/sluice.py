"""Sluice networks: cross-stitch networks of sub-spaces, with skip connections from all layers.

    [x_{k,l,1} … x_{k,l,G}] = f_{k,l}(h̃_{k,l−1}),   h̃_{k,0} = x
    h̃_{k,l,g} = Σ_{j,h} α_{l,(k,g)(j,h)} · x_{j,l,h}
    h_k = Σ_l β_{k,l} · h̃_{k,l}
    c_k = head_k(tower_k(h_k))
    penalty = orthogonality · Σ_{k,l} Σ_{g<h} ‖W_{k,l,g}ᵀ·W_{k,l,h}‖_F²

All layers have one width, because they are summed. α starts as in `cross_stitch`, β as 1/L.

References:
    Ruder et al., "Latent Multi-task Architecture Learning", AAAI 2019 (first "Sluice networks",
    2017), https://arxiv.org/abs/1705.08142
"""

from __future__ import annotations

import tf_keras as keras

from tfmtl import layers
from tfmtl.models._groups import Groups
from tfmtl.models._towers import layer_arguments, parallel_logits
from tfmtl.protos import model_pb2


def logits(config: model_pb2.Sluice, groups: Groups) -> dict[str, keras.KerasTensor]:
    """Builds the graph from the group `all` to the logits by task."""
    h, mixed = groups["all"], []
    for index, arguments in enumerate(layer_arguments(config.bottom_dnn)):
        h = layers.SubspaceBank(
            len(config.task_towers),
            **arguments,
            num_subspaces=config.num_subspace,
            orthogonality=config.orthogonality,
            l2=config.l2_regularization,
            name=f"bottoms_{index}",
        )(h)
        h = layers.CrossStitch(config.self_weight, config.num_subspace, name=f"stitch_{index}")(h)
        mixed.append(h)
    h = layers.LayerMix(name="layer_mix")(mixed)
    return parallel_logits(config.task_towers, h, config.l2_regularization, groups)
