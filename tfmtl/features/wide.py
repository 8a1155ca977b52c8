"""The wide part of a model: linear in the ids and the numbers of a feature group.

    wide(x) = Σ_f w_f[id] + W·numbers

References:
    Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016,
    https://arxiv.org/abs/1606.07792, section 3.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tf_keras as keras

from tfmtl import config as configs
from tfmtl.features.columns import Columns
from tfmtl.features.feature import Feature
from tfmtl.features.groups import lookup_inputs, side_by_side
from tfmtl.layers import FeatureSum, Lookup, PackedEmbedding, PooledSteps, Table
from tfmtl.layers.perceptron import l2_regularizer
from tfmtl.protos.pipeline_pb2 import Pipeline


def build_wide(
    pipeline: Pipeline,
    columns: Columns,
    inputs: Mapping[str, keras.KerasTensor],
    group_name: str,
    width: int,
    l2: float,
    name: str,
) -> keras.KerasTensor:
    """A linear function of a feature group, over tables of its own.

    Args:
        pipeline: The pipeline that has the group.
        columns: Its encoder.
        inputs: The encoded features, as `build_inputs` makes them.
        group_name: The group.
        width: Width of the result.
        l2: Penalty `l2·Σw²/2` on W. On the w_f is that of embeddings, on what a batch looks up.
        name: Begins the names of the layers.

    Returns:
        (batch, width).
    """
    group = next(
        each for each in pipeline.model_config.feature_groups if each.group_name == group_name
    )
    features = [columns.features[member] for member in configs.group_features(group)]
    of_ids = [each for each in features if each.ids is not None]
    of_numbers = [each for each in features if each.ids is None]
    terms = []
    if of_ids:
        regularization = pipeline.model_config.embedding_regularization
        looked_up = _looked_up(of_ids, inputs, width, regularization, name)
        vector = side_by_side(looked_up, group.dropout_ratio, f"{name}/ids")
        terms.append(FeatureSum(width, name=f"{name}/sum")(vector))
    if of_numbers:
        numbers = [_summed(each, inputs[each.name], name) for each in of_numbers]
        vector = side_by_side(numbers, group.dropout_ratio, f"{name}/numbers")
        terms.append(_linear(width, l2, f"{name}/linear")(vector))
    return terms[0] if len(terms) == 1 else keras.layers.Add(name=name)(terms)


def _looked_up(
    features: Sequence[Feature],
    inputs: Mapping[str, keras.KerasTensor],
    width: int,
    regularization: float,
    name: str,
) -> list[keras.KerasTensor]:
    """The w_f[id] of each feature: a bag's as its embedding is, the sum, mean or sqrtn.

    Of a sequence they are summed over its steps.
    """
    # An id that training never saw should add nothing, so the tables start at zero.
    tables = [
        Table(each.name, each.ids or 0, width, keras.initializers.Zeros()) for each in features
    ]
    lookups = [
        Lookup(each.name, each.name, each.combiner, each.weighted, each.has_steps)
        for each in features
    ]
    layer = PackedEmbedding(tables, lookups, regularization, name=f"{name}/embeddings")
    embedded = layer(lookup_inputs(features, inputs))
    return [_summed(each, embedded[each.name], name) for each in features]


def _summed(feature: Feature, values: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A sequence's values summed over its steps; another feature's as they are."""
    if not feature.has_steps:
        return values
    return PooledSteps("sum", name=f"{name}/steps_of_{feature.name}")(values)


def _linear(width: int, l2: float, name: str) -> keras.layers.Layer:
    return keras.layers.Dense(
        width, use_bias=False, kernel_regularizer=l2_regularizer(l2), name=name
    )
