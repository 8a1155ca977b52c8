"""How wide features, groups and stacks are."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.rules.feature_numbers import number_of_edges
from tfmtl.config.views import feature_name, features, group_features
from tfmtl.protos import feature_pb2, interaction_pb2, layer_pb2, pipeline_pb2

_STACKED = interaction_pb2.DCNInteraction.STACKED
_Feature = feature_pb2.FeatureConfig


def feature_widths(pipeline: pipeline_pb2.Pipeline, group_name: str) -> dict[str, int]:
    """The widths of a group's features by their names, of those that there are."""
    widths = {feature_name(each): _member_width(each) for each in features(pipeline)}
    members = [
        name
        for group in pipeline.model_config.feature_groups
        if group.group_name == group_name
        for name in group_features(group)
    ]
    return {name: widths[name] for name in members if name in widths}


def output_width(pipeline: pipeline_pb2.Pipeline, dnn: layer_pb2.DNN, inputs: int) -> int:
    """Width of what a stack gives, its interactions included.

    Args:
        pipeline: The config that it is in.
        dnn: The stack.
        inputs: Width of what it reads.
    """
    interactions = dnn.interactions
    beside = sum(_width_beside(pipeline, each, inputs) for each in interactions)
    if any(dnn.hidden_units):
        return beside + dnn.hidden_units[-1]
    if not interactions or any(each.dcn.structure == _STACKED for each in interactions):
        return beside + inputs
    return beside


def _width_beside(
    pipeline: pipeline_pb2.Pipeline, interaction: interaction_pb2.Interaction, inputs: int
) -> int:
    """Width that an interaction adds to what the layers give."""
    if interaction.HasField("wide"):
        return interaction.wide.output_dim
    if interaction.HasField("fm"):
        width = next(iter(feature_widths(pipeline, interaction.fm.group_name).values()), 0)
        return width if interaction.fm.use_variant else 1
    parallel = interaction.HasField("dcn") and interaction.dcn.structure != _STACKED
    return inputs if parallel else 0


def feature_width(feature: _Feature) -> int:
    """Width of what a feature, or a step of it, brings: its embedding, or its plain numbers."""
    if feature.embedding_dim or _is_of_ids(feature):
        return feature.embedding_dim
    return feature.raw_input_dim


def has_steps(feature: _Feature) -> bool:
    """Whether it is a sequence that nothing makes one vector of."""
    return feature.feature_type == _Feature.SequenceFeature and not (
        feature.HasField("sequence_encoder") or feature.HasField("sequence_combiner")
    )


def _member_width(feature: _Feature) -> int:
    """Width of what a feature is in a group that lists it: of a sequence, what is made of it."""
    width = feature_width(feature)
    if feature.feature_type != _Feature.SequenceFeature:
        return width
    cnn = feature.sequence_combiner.text_cnn
    found = sum(cnn.mlp.hidden_units[-1:]) or sum(cnn.num_filters)
    return feature.sequence_encoder.gru.units or found or width


def _is_of_ids(feature: _Feature) -> bool:
    if feature.feature_type == _Feature.SequenceFeature:
        is_raw, is_id = feature.sub_feature_type == _Feature.RawFeature, feature.num_buckets > 1
        return bool(number_of_edges(feature)) or is_id or not is_raw
    if feature.feature_type == _Feature.ExprFeature:
        return False
    return feature.feature_type != _Feature.RawFeature or bool(number_of_edges(feature))


def _attention_width(attention: feature_pb2.SeqAttGroupConfig, widths: Mapping[str, int]) -> int:
    """Width of what an attention adds to its group."""
    maps = attention.seq_att_map
    steps = sum(widths.get(name, 0) for each in maps for name in each.hist_seq)
    others = sum(widths.get(name, 0) for each in maps for name in each.aux_hist_seq)
    return steps + others + (steps if attention.need_key_feature else 0)


def member_widths(pipeline: pipeline_pb2.Pipeline, group_name: str) -> dict[str, int]:
    """The widths of what makes a group's vector: its features without steps, and attentions."""
    widths = {feature_name(each): feature_width(each) for each in features(pipeline)}
    members = feature_widths(pipeline, group_name)
    sequences = _sequences(pipeline)
    members = {name: width for name, width in members.items() if name not in sequences}
    attended = {
        f"{group_name}/{index}": _attention_width(each, widths)
        for group in pipeline.model_config.feature_groups
        if group.group_name == group_name
        for index, each in enumerate(group.sequence_features)
    }
    return {**members, **attended}


def step_widths(pipeline: pipeline_pb2.Pipeline, group_name: str) -> dict[str, int]:
    """The widths of the steps of the sequences that a group names."""
    members, sequences = feature_widths(pipeline, group_name), _sequences(pipeline)
    return {name: width for name, width in members.items() if name in sequences}


def _sequences(pipeline: pipeline_pb2.Pipeline) -> set[str]:
    return {feature_name(each) for each in features(pipeline) if has_steps(each)}
