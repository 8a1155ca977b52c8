"""Interactions: what a tower or a bottom computes beside its dense layers, or before them.

    h = [dnn(v), cross(v), wide(x), fm(x), …]       of those that there are
    h = [dnn(cross(v)), wide(x), fm(x), …]          with a stacked cross network

    cross:  x_{l+1} = v ⊙ (W_l·x_l + b_l) + x_l,  x_0 = v      W_l = V_l·U_l with `projection_dim`
    wide:   Σ_f w_f[id] + W·numbers                            see `tfmtl.features.wide`
    fm:     Σ_{f<g} ⟨e_f, e_g⟩

v is what the stack reads, x a feature group with the vectors e_f. Without hidden layers dnn(v) is
not there, and h is the interactions alone. What follows is linear in h, so that a tower's head
forms DeepFM's sum of logits, each with a weight; in a bottom the towers read all of it.

References:
    Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016,
    https://arxiv.org/abs/1606.07792
    Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI
    2017, https://arxiv.org/abs/1703.04247, eq. 1
    Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning
    to Rank Systems", WWW 2021, https://arxiv.org/abs/2008.13535, eq. 1 and 2
"""

from __future__ import annotations

import tensorflow_recommenders as tfrs
import tf_keras as keras

from tfmtl import layers
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.models._groups import Groups
from tfmtl.protos import interaction_pb2, layer_pb2


def interact(
    message: layer_pb2.DNN, dnn: layers.DNN, v: keras.KerasTensor, l2: float, groups: Groups
) -> keras.KerasTensor:
    """A stack with interactions.

    Args:
        message: The stack's message, with one interaction or more.
        dnn: Its dense layers, after which the interactions' layers are called.
        v: What it reads, `(batch, width)`.
        l2: Penalty `l2·Σw²/2` on the kernels.
        groups: The feature groups.

    Returns:
        h `(batch, width)`, of the layer `<dnn>_interactions` where something is joined.
    """
    inputs, beside = v, []
    for each in message.interactions:
        if each.HasField("dcn"):
            crossed = _cross(each.dcn, v, l2, f"{dnn.name}_cross")
            if each.dcn.structure == interaction_pb2.DCNInteraction.STACKED:
                inputs = crossed
            else:
                beside.append(crossed)
        elif each.HasField("wide"):
            beside.append(_wide(each.wide, l2, groups, f"{dnn.name}_wide"))
        else:
            beside.append(_fm(each.fm, groups, f"{dnn.name}_fm"))
    if dnn.hidden_units or inputs is not v:
        beside.insert(0, dnn(inputs))
    if len(beside) == 1:
        return beside[0]
    return keras.layers.Concatenate(name=f"{dnn.name}_interactions")(beside)


def _cross(
    message: interaction_pb2.DCNInteraction, v: keras.KerasTensor, l2: float, name: str
) -> keras.KerasTensor:
    """`(batch, width of v)`, of a layer `<name>_<index>` for each cross layer."""
    x = v
    for index in range(message.num_layers):
        layer = tfrs.layers.feature_interaction.Cross(
            message.projection_dim or None,
            kernel_regularizer=l2_regularizer(l2),
            name=f"{name}_{index}",
        )
        x = layer(v, x)
    return x


def _wide(
    message: interaction_pb2.WideInteraction, l2: float, groups: Groups, name: str
) -> keras.KerasTensor:
    """`(batch, output_dim)`, of layers that begin with `<name>/<group>`."""
    group = message.group_name
    return groups.wide(group, message.output_dim, l2, f"{name}/{group}")


def _fm(message: interaction_pb2.FMInteraction, groups: Groups, name: str) -> keras.KerasTensor:
    """`(batch, 1)`, or of the width of the features, of the layer `<name>/<group>`."""
    group = message.group_name
    layer = layers.FactorizationMachine(
        groups.size(group), message.use_variant, name=f"{name}/{group}"
    )
    return layer(groups.vector(group))
