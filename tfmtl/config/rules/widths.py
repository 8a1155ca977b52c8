"""Rules of the widths of stacks: what is added up, or attended to, is of one width."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.problems import Report
from tfmtl.config.rules.features import number_of_edges
from tfmtl.config.views import feature_name, features, group_features
from tfmtl.protos import feature_pb2, interaction_pb2, layer_pb2, model_pb2, pipeline_pb2

_PATH = "model_config"
_STACKED = interaction_pb2.DCNInteraction.STACKED
_Feature = feature_pb2.FeatureConfig


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Bottoms that are added end in one width, and so do a step and what it is handed."""
    model = pipeline.model_config
    for index, reader in enumerate(model.asymmetric_sharing.task_bottoms):
        path = f"{_PATH}.asymmetric_sharing.task_bottoms[{index}]"
        _check_join(reader, path, pipeline, report)
    for index in range(1, len(model.aitm.task_towers)):
        _check_step(index, pipeline, report)


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


def _member_width(feature: _Feature) -> int:
    """Width of what a feature is in a group that lists it: of a sequence, what is made of it."""
    width = feature_width(feature)
    if feature.feature_type != _Feature.SequenceFeature:
        return width
    cnn = feature.sequence_combiner.text_cnn
    return feature.sequence_encoder.gru.units or sum(cnn.num_filters) or width


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


def _group_width(pipeline: pipeline_pb2.Pipeline, group_name: str) -> int:
    widths = {feature_name(each): feature_width(each) for each in features(pipeline)}
    attended = sum(
        _attention_width(each, widths)
        for group in pipeline.model_config.feature_groups
        if group.group_name == group_name
        for each in group.sequence_features
    )
    return sum(feature_widths(pipeline, group_name).values()) + attended


def _check_join(
    reader: model_pb2.TaskBottoms, path: str, pipeline: pipeline_pb2.Pipeline, report: Report
) -> None:
    """A task that adds bottoms up names some of one width."""
    if reader.join == model_pb2.AsymmetricSharing.CONCAT:
        return
    x = _group_width(pipeline, "all")
    stacks = {
        each.bottom_name: each.dnn for each in pipeline.model_config.asymmetric_sharing.bottoms
    }
    read = [stacks[name] for name in reader.bottom_names if name in stacks]
    # That a bottom has nothing in it is told already.
    filled = [each for each in read if each.hidden_units or each.interactions]
    widths = [output_width(pipeline, each, x) for each in filled]
    if len(set(widths)) > 1:
        join = model_pb2.AsymmetricSharing.Join.Name(reader.join)
        rule = f"name bottoms that end in the same width, because `join` is {join}"
        report.should(f"{path}.bottom_names", rule, widths, of=f"tower `{reader.tower_name}`")


def _check_step(index: int, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """A step of aitm ends in the width of what the step before hands on."""
    message = pipeline.model_config.aitm
    tower, handed_on = message.task_towers[index], list(message.transfer_mlp.hidden_units)[-1:]
    units, has_interactions = list(tower.dnn.hidden_units), bool(tower.dnn.interactions)
    if not any(handed_on) or not (any(units) or has_interactions):
        return  # Told already.
    h = output_width(pipeline, message.bottom_dnn, _group_width(pipeline, "all"))
    width = output_width(pipeline, tower.dnn, h)
    if width == handed_on[0]:
        return
    path, of = f"{_PATH}.aitm.task_towers[{index}].dnn", f"tower `{tower.tower_name}`"
    rule = f"end in the width of `transfer_mlp`, {handed_on[0]}"
    if has_interactions:
        report.should(path, f"{rule}, its interactions included", width, of=of)
    else:
        report.should(f"{path}.hidden_units", rule, units, of=of)
