"""Feature groups: from encoded features to the vectors that an architecture reads."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence

import tf_keras as keras

from tfmtl import config as configs
from tfmtl.config.layer_names import layer_names
from tfmtl.errors import ConfigError
from tfmtl.features.attention import attend
from tfmtl.features.columns import Columns
from tfmtl.features.embedding_regularization import EmbeddingRegularization
from tfmtl.features.feature import Feature
from tfmtl.features.numeric_embedding import embed_numbers
from tfmtl.features.tables import tables_of
from tfmtl.layers import PackedEmbedding, SplitUnits, StepDense, VariationalDropout
from tfmtl.protos.feature_pb2 import FeatureGroupConfig
from tfmtl.protos.model_pb2 import VariationalDropoutLayer
from tfmtl.protos.pipeline_pb2 import Pipeline

# A feature, a group and a task may have the same name, two layers may not.
_INPUT_NAME = "input/{}"
_PROJECTION_NAME = "{}/projection{}"
_ENCODER_NAME = "{}/encoder{}"
_GROUP_NAME = "group/{}{}"


def build_inputs(columns: Columns) -> dict[str, keras.KerasTensor]:
    """The inputs of a network: a symbolic tensor for each that the encoder returns, by its name."""
    return {
        name: keras.Input(type_spec=spec, name=_INPUT_NAME.format(name))
        for name, spec in columns.encoded_signature().items()
    }


class Group:
    """A feature group.

    Args:
        members: What its features bring, (batch, width) each, sequences (batch, None, width); then
            what its attentions give.
        dropout_ratio: The share of its vector's entries that are dropped in training.
        name: Begins the names of its layers.
    """

    def __init__(
        self, members: Sequence[keras.KerasTensor], dropout_ratio: float, name: str
    ) -> None:
        self._members = list(members)
        self._dropout_ratio = dropout_ratio
        self._name = name

    @functools.cached_property
    def features(self) -> list[keras.KerasTensor]:
        """All of it one by one; vectors lack a share of their entries in training."""
        if not self._dropout_ratio:
            return self._members
        return [
            keras.layers.Dropout(self._dropout_ratio, name=f"{self._name}/dropout_{index}")(each)
            if each.shape.rank == 2
            else each
            for index, each in enumerate(self._members)
        ]

    @functools.cached_property
    def vector(self) -> keras.KerasTensor:
        """All of it side by side, (batch, width)."""
        return side_by_side(self._members, self._dropout_ratio, self._name)


def build_groups(
    pipeline: Pipeline,
    columns: Columns,
    inputs: Mapping[str, keras.KerasTensor],
    suffix: str = "",
) -> dict[str, Group]:
    """Embeds the features and puts them together, group by group.

    All features with ids are embedded by one layer, `embeddings`; a feature of numbers is itself,
    or with an `embedding_dim` its linear projection Σ_d x_d·W[d], or its `numeric_embedding`; a
    sequence with an encoder is what that makes of it. A group's vector is that of its features in
    the order in which it lists them, by a layer `group/<name>`, and in training lacks the share
    `dropout_ratio` of its entries. Behind them stands what `sequence_features` ask for, see
    `attend`. Groups that only wide parts read are left out: those need no vectors.

    Args:
        pipeline: The pipeline whose groups to build.
        columns: Its encoder.
        inputs: The encoded features, as `build_inputs` makes them.
        suffix: Ending of the layers' names. Another suffix is another set of tables.

    Returns:
        The groups by name.

    Raises:
        ConfigError: If a group names an unknown feature, or features cannot share a table.
    """
    groups = configs.vector_groups(pipeline)
    used = {name for group in groups for name in configs.group_reads(group)}
    features = [each for name, each in columns.features.items() if name in used]
    regularization = pipeline.model_config.embedding_regularization
    vectors = _vectors(features, inputs, regularization, suffix)
    listed = {name for group in groups for name in configs.group_features(group)}
    sequences = [each for each in features if each.has_steps and each.name in listed]
    encoded = _encoded(sequences, vectors, _l2_regularization(pipeline), suffix)
    return {
        group.group_name: _group(group, vectors, vectors | encoded, pipeline, suffix)
        for group in groups
    }


def side_by_side(
    members: Sequence[keras.KerasTensor], dropout_ratio: float, name: str
) -> keras.KerasTensor:
    """What several features bring, as one vector that lacks a share of its entries in training."""
    vector = keras.layers.Concatenate(name=name)(members)
    if not dropout_ratio:
        return vector
    return keras.layers.Dropout(dropout_ratio, name=f"{name}/dropout")(vector)


def lookup_inputs(
    features: Iterable[Feature], inputs: Mapping[str, keras.KerasTensor]
) -> dict[str, keras.KerasTensor]:
    """The ids of features made of ids, and their weights: what a `PackedEmbedding` reads."""
    return {
        name: inputs[name]
        for feature in features
        if feature.ids is not None
        for name in feature.encoded_signature()
    }


def _l2_regularization(pipeline: Pipeline) -> float:
    """Of the architecture, whose groups these are."""
    name = configs.architecture(pipeline)
    return getattr(getattr(pipeline.model_config, name), "l2_regularization", 0.0) if name else 0.0


def _group(
    group: FeatureGroupConfig,
    vectors: Mapping[str, keras.KerasTensor],
    members_of: Mapping[str, keras.KerasTensor],
    pipeline: Pipeline,
    suffix: str,
) -> Group:
    """A group with its attentions."""
    members = [
        _member(members_of, member, group.group_name) for member in configs.group_features(group)
    ]
    name = _GROUP_NAME.format(group.group_name, suffix)
    if pipeline.model_config.HasField("variational_dropout"):
        members = _dropped(members, pipeline.model_config.variational_dropout, name)
    l2 = _l2_regularization(pipeline)
    names = layer_names(each.group_name for each in group.sequence_features)
    for each, own in zip(group.sequence_features, names, strict=True):
        members.append(attend(each, vectors, l2, f"{name}/{own}"))
    return Group(members, group.dropout_ratio, name)


def _dropped(
    members: Sequence[keras.KerasTensor], config: VariationalDropoutLayer, name: str
) -> list[keras.KerasTensor]:
    """Features, of each of which a learnt share is dropped; sequences as they are."""
    plain = [member for member in members if member.shape.rank == 2]
    dropped = iter(_dropped_vectors(plain, config, name) if plain else ())
    return [next(dropped) if member.shape.rank == 2 else member for member in members]


def _dropped_vectors(
    members: Sequence[keras.KerasTensor], config: VariationalDropoutLayer, name: str
) -> list[keras.KerasTensor]:
    layer = VariationalDropout(
        [member.shape[-1] for member in members],
        config.embedding_wise_variational_dropout,
        config.regularization_lambda,
        name=f"{name}/variational_dropout",
    )
    kept = layer(keras.layers.Concatenate(name=f"{name}/features")(members))
    return SplitUnits(layer.widths, name=f"{name}/kept_features")(kept)


def _encoded(
    sequences: Iterable[Feature], steps: Mapping[str, keras.KerasTensor], l2: float, suffix: str
) -> dict[str, keras.KerasTensor]:
    """What the encoders make of sequences, (batch, width)."""
    encoded = {}
    for each in sequences:
        if each.encoder is not None:
            name = _ENCODER_NAME.format(each.name, suffix)
            encoded[each.name] = each.encoder(each.width, l2, name)(steps[each.name])
    return encoded


def _vectors(
    features: Collection[Feature],
    inputs: Mapping[str, keras.KerasTensor],
    regularization: float,
    suffix: str,
) -> dict[str, keras.KerasTensor]:
    """What each feature is in numbers, (batch, width), or of a sequence (batch, None, width)."""
    projected = _projected(features, inputs, suffix)
    numeric = {each.name: each.embedding.numeric for each in features if each.embedding.numeric}
    projected |= embed_numbers(numeric, inputs, f"numeric_embeddings{suffix}")
    projected = _penalized(projected, regularization, f"embedding_regularization{suffix}")
    embedded = _embedded(features, inputs, regularization, suffix) | projected
    plain = {each.name: inputs[each.name] for each in features if each.name not in embedded}
    return embedded | plain


def _embedded(
    features: Collection[Feature],
    inputs: Mapping[str, keras.KerasTensor],
    regularization: float,
    suffix: str,
) -> dict[str, keras.KerasTensor]:
    """Looks up the ids of all features at once."""
    tables, lookups = tables_of(features)
    if not tables:
        return {}
    layer = PackedEmbedding(tables, lookups, regularization, name=f"embeddings{suffix}")
    return layer(lookup_inputs(features, inputs))


def _projected(
    features: Collection[Feature], inputs: Mapping[str, keras.KerasTensor], suffix: str
) -> dict[str, keras.KerasTensor]:
    """Projects the features of numbers that ask for an embedding."""
    return {
        feature.name: _projection(feature, _PROJECTION_NAME.format(feature.name, suffix))(
            inputs[feature.name]
        )
        for feature in features
        if feature.ids is None and feature.embedding.dim and not feature.embedding.numeric
    }


def _penalized(
    projected: dict[str, keras.KerasTensor], regularization: float, name: str
) -> dict[str, keras.KerasTensor]:
    """Projections with the penalty that embeddings have."""
    if not (regularization and projected):
        return projected
    return EmbeddingRegularization(regularization, name=name)(projected)


def _projection(feature: Feature, name: str) -> keras.layers.Layer:
    dim, initializer = feature.embedding.dim, feature.embedding.fresh_initializer()
    if feature.has_steps:
        return StepDense(dim, initializer=initializer, name=name)
    return keras.layers.Dense(dim, use_bias=False, kernel_initializer=initializer, name=name)


def _member(vectors: Mapping[str, keras.KerasTensor], name: str, group: str) -> keras.KerasTensor:
    if name not in vectors:
        raise ConfigError(
            [f"Feature group `{group}` should name features. Received: `{name}`, an unknown one."]
        )
    return vectors[name]
