"""What a config says, however it is spelled: features, groups, towers, architecture."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, TypeVar

from google.protobuf.message import Message

from tfmtl.protos import (
    dataset_pb2,
    feature_pb2,
    loss_pb2,
    model_pb2,
    pipeline_pb2,
    tower_pb2,
)

Tower = tower_pb2.TaskTower | tower_pb2.BayesTaskTower
M = TypeVar("M", bound=Message)

# The name by which esmm serves and measures click and conversion together, and those by which
# division does the quotient and where that was above 1.
ESMM_PRODUCT = "ctcvr"
DIVISION_RATIO, DIVISION_CLIPPED = "cvr", "cvr_clipped"

_TOWER_TYPES = ("tfmtl.TaskTower", "tfmtl.BayesTaskTower")
_RANGE = re.compile(r"(.*)\[(\d{1,9})-(\d{1,9})\]")
_LONGEST_RANGE = 100_000


class PlacedFeature(NamedTuple):
    """A feature and where it stands, in the spelling of the config.

    Args:
        path: The path of the feature; of one of `shared_names`, that of its template.
        column_paths: The paths of its columns' names.
        feature: The feature.
    """

    path: str
    column_paths: list[str]
    feature: feature_pb2.FeatureConfig


class PlacedTower(NamedTuple):
    """A tower and where it stands."""

    path: str
    tower: Tower


def target_columns(data_config: dataset_pb2.DatasetConfig) -> list[str]:
    """Lists the columns that rows to predict on need not have: of labels, weight, propensity."""
    others = (data_config.sample_weight, data_config.rejection_sampling.propensity_name)
    return [*data_config.label_fields, *(name for name in others if name)]


def train_files(pipeline: pipeline_pb2.Pipeline) -> str:
    """The files to train on, in either spelling; "" if none are named."""
    return pipeline.train_input_path or pipeline.parquet_train_input


def eval_files(pipeline: pipeline_pb2.Pipeline) -> str:
    """The files to evaluate on, in either spelling; "" if none are named."""
    return pipeline.eval_input_path or pipeline.parquet_eval_input


def is_made_up(data_config: dataset_pb2.DatasetConfig) -> bool:
    """Whether the rows are made-up constants, so that there are no files."""
    return data_config.input_type == dataset_pb2.DatasetConfig.DummyInput


def features(pipeline: pipeline_pb2.Pipeline) -> list[feature_pb2.FeatureConfig]:
    """Lists the features of either spelling, each of `shared_names` as a feature of its own."""
    return [placed.feature for placed in placed_features(pipeline)]


def placed_features(pipeline: pipeline_pb2.Pipeline) -> list[PlacedFeature]:
    """Lists the features as `features` does, with their paths."""
    old, new = pipeline.feature_configs, pipeline.feature_config.features
    path = "feature_configs" if old else "feature_config.features"
    return [
        placed
        for index, template in enumerate(old or new)
        for placed in expanded(template, f"{path}[{index}]")
    ]


def expanded(template: feature_pb2.FeatureConfig, path: str) -> Iterator[PlacedFeature]:
    """Yields a feature without its `shared_names`, then one for each of them."""
    first = _copy(template)
    first.ClearField("shared_names")
    yield PlacedFeature(path, _indexed(f"{path}.input_names", first.input_names), first)
    for index, column in enumerate(template.shared_names):
        clone = _copy(first)
        clone.ClearField("feature_name")
        clone.input_names[:] = [column]
        yield PlacedFeature(path, [f"{path}.shared_names[{index}]"], clone)


def _indexed(path: str, values: Sequence[str]) -> list[str]:
    return [f"{path}[{index}]" for index in range(len(values))]


def _copy(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def feature_name(feature: feature_pb2.FeatureConfig) -> str:
    """The name of a feature: its `feature_name`, or its first column; "" if it has neither."""
    return feature.feature_name or next(iter(feature.input_names), "")


def columns_by_name(pipeline: pipeline_pb2.Pipeline) -> dict[str, str]:
    """The raw columns by their own names and by those of features, of each its first column."""
    fields = [field.input_name for field in pipeline.data_config.input_fields]
    inputs = {feature_name(each): each.input_names[:1] for each in features(pipeline)}
    read = {name: column for name, columns in inputs.items() for column in columns}
    return {**read, **{field: field for field in fields}}


def column_of(name: str, pipeline: pipeline_pb2.Pipeline) -> str:
    """The raw column that a name means, which is a column's or a feature's; "" if it is neither."""
    return columns_by_name(pipeline).get(name, "")


def slice_columns(by: str, pipeline: pipeline_pb2.Pipeline) -> list[str]:
    """The raw columns that one of `slice_by` tells rows apart by; "" for what is no column."""
    known = columns_by_name(pipeline)
    return [known.get(name, "") for name in slice_names(by, known)]


def slice_names(by: str, known: Collection[str]) -> list[str]:
    """The names in one of `slice_by`: itself, if it is one of those known, or its parts."""
    return [by] if by in known else by.split("*")


def column_named(
    pipeline: pipeline_pb2.Pipeline, name: str
) -> dataset_pb2.DatasetConfig.Field | None:
    """The column that is meant by its name or by that of a feature, whose first column it is."""
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    return fields.get(column_of(name, pipeline))


def group_features(group: feature_pb2.FeatureGroupConfig) -> list[str]:
    """Lists the names in a group, with `f[1-3]` written out as f1, f2, f3."""
    return [name for pattern in group.feature_names for name in written_out(pattern)]


def group_reads(group: feature_pb2.FeatureGroupConfig) -> list[str]:
    """Lists the names in a group and those that its attentions read, each once."""
    attended = [
        name
        for each in group.sequence_features
        for one in each.seq_att_map
        for name in (*one.key, *one.hist_seq, *one.aux_hist_seq)
    ]
    return list(dict.fromkeys([*group_features(group), *attended]))


def read_features(pipeline: pipeline_pb2.Pipeline) -> list[feature_pb2.FeatureConfig]:
    """Lists the features that the groups read."""
    used = {name for group in pipeline.model_config.feature_groups for name in group_reads(group)}
    return [each for each in features(pipeline) if feature_name(each) in used]


def written_out(pattern: str) -> list[str]:
    """The names that a pattern stands for, `f[1-3]` for f1, f2, f3; a plain name for itself."""
    match = _RANGE.fullmatch(pattern)
    if not match:
        return [pattern]
    stem, first, last = match.groups()
    numbers = range(int(first), int(last) + 1)
    if len(numbers) > _LONGEST_RANGE:  # A slip of the pen, which would fill the memory.
        return [pattern]
    return [f"{stem}{number}" for number in numbers]


def architecture(pipeline: pipeline_pb2.Pipeline) -> str:
    """The field that is set in `model_config`'s oneof `model`, such as `mmoe`; "" if none is."""
    return pipeline.model_config.WhichOneof("model") or ""


def architectures() -> list[str]:
    """Lists the fields of `model_config`'s oneof `model`."""
    return [field.name for field in model_pb2.Model.DESCRIPTOR.oneofs_by_name["model"].fields]


def towers(pipeline: pipeline_pb2.Pipeline) -> list[Tower]:
    """Lists copies of the towers, with every `label_name` filled in where `label_fields` reach.

    esmm's are its `ctr_tower` and its `cvr_tower`. A tower of a `funnel` may be without a label.
    """
    return [placed.tower for placed in placed_towers(pipeline)]


def placed_towers(pipeline: pipeline_pb2.Pipeline) -> list[PlacedTower]:
    """Lists the towers as `towers` does, with their paths."""
    name = architecture(pipeline)
    placed = list(_own_towers(pipeline, name)) if name else []
    # EasyRec's order of esmm's labels is cvr, ctr.
    by_label = reversed(placed) if name == "esmm" else placed
    labels = iter(pipeline.data_config.label_fields)
    unlabelled = funnel_towers(pipeline)
    for (_, tower), label in zip(by_label, labels, strict=False):
        if not tower.label_name and tower.tower_name not in unlabelled:
            tower.label_name = label
    return placed


def tower_losses(tower: Tower) -> list[loss_pb2.Loss]:
    """Lists the losses of a tower; one of its `loss_type` where it has no `losses`."""
    return list(tower.losses) or [loss_pb2.Loss(loss_type=tower.loss_type)]


def funnel_towers(pipeline: pipeline_pb2.Pipeline) -> set[str]:
    """The names of the towers that the config's `funnel` makes its steps."""
    steps = pipeline.model_config.funnel.steps
    return {outcome.tower_name for step in steps for outcome in step.outcomes}


def _own_towers(pipeline: pipeline_pb2.Pipeline, name: str) -> Iterator[PlacedTower]:
    """Yields copies of the towers in an architecture's message, as its fields are declared."""
    message = getattr(pipeline.model_config, name)
    for field in message.DESCRIPTOR.fields:
        if not field.message_type or field.message_type.full_name not in _TOWER_TYPES:
            continue
        path = f"model_config.{name}.{field.name}"
        if field.is_repeated:
            for index, tower in enumerate(getattr(message, field.name)):
                yield PlacedTower(f"{path}[{index}]", _copy(tower))
        elif message.HasField(field.name):
            yield PlacedTower(path, _copy(getattr(message, field.name)))
