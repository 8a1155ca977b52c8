"""What a feature's transform is, as a fingerprint that is equal in every process.

Two features have one fingerprint if they turn equal cells into equal ids and numbers, whatever they
and their columns are called and however they are embedded. So a checkpoint, an export or encoded
data can say which transform it was made with.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfmtl import config as configs
from tfmtl.config.expressions import Call, ExpressionError, Name, Tree, printed
from tfmtl.config.feature_expressions import read_expression, unusable_expression
from tfmtl.errors import ConfigError
from tfmtl.features.vocabulary_file import read_words
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.feature_pb2 import FeatureConfig
from tfmtl.protos.pipeline_pb2 import Pipeline

# To be raised when the code makes something else of the same config.
_VERSION = 1

# Fields that say nothing of what a cell becomes: names, and how the result is embedded.
BESIDE = frozenset(
    {
        "feature_name",
        "input_names",
        "shared_names",
        "embedding_name",
        "embedding_dim",
        "initializer",
        "combiner",
        "max_partitions",
        "sequence_combiner",
        "sequence_encoder",
        "sequence_length",
        "numeric_embedding",
        "side",
    }
)
# Where ids come from; the first that is set decides.
_SOURCES = ("vocabulary", "hash_bucket_size", "vocab_list", "vocab_file", "num_buckets")
_OF_IDS = (FeatureConfig.IdFeature, FeatureConfig.TagFeature, FeatureConfig.LookupFeature)


def fingerprints(pipeline: Pipeline) -> dict[str, str]:
    """The fingerprints of the features that a pipeline's groups read, by their names.

    Raises:
        ConfigError: If a vocabulary file cannot be read.
    """
    fields = {field.input_name: field for field in pipeline.data_config.input_fields}
    read: dict[str, str] = {}  # Several features may have one file, of millions of words.
    return {
        configs.feature_name(each): _fingerprint(each, _columns(each, fields), read)
        for each in configs.read_features(pipeline)
    }


def feature_fingerprint(feature: FeatureConfig, columns: Sequence[DatasetConfig.Field]) -> str:
    """The fingerprint of a feature's transform: 64 hexadecimal digits.

    Args:
        feature: The feature.
        columns: Those that it reads, as they are declared.

    Raises:
        ConfigError: If its vocabulary file cannot be read.
    """
    return _fingerprint(feature, columns, {})


def encoder_fingerprints(pipeline: Pipeline) -> dict[str, str]:
    """As `fingerprints`, and of the columns' names: what encoded data was made with.

    Raises:
        ConfigError: If a vocabulary file cannot be read.
    """
    of_transforms = fingerprints(pipeline)
    columns = {
        configs.feature_name(each): list(each.input_names)
        for each in configs.read_features(pipeline)
    }
    return {name: _digest([columns[name], its]) for name, its in of_transforms.items()}


def _fingerprint(
    feature: FeatureConfig, columns: Sequence[DatasetConfig.Field], read: dict[str, str]
) -> str:
    kinds = [
        [DatasetConfig.FieldType.Name(column.input_type), column.default_val] for column in columns
    ]
    return _digest([_VERSION, kinds, _description(feature, columns, read)])


def _description(
    feature: FeatureConfig, columns: Sequence[DatasetConfig.Field], read: dict[str, str]
) -> dict[str, Any]:
    """The settings of a transform, without those that are as if they were not there."""
    settings = _settings(feature)
    if _has_vocabulary(feature):
        first = next((name for name in _SOURCES if name in settings), None)
        settings = {k: v for k, v in settings.items() if k not in _SOURCES or k == first}
        settings.update(_words(settings, read))
    if "normalizer_fn" in settings:
        settings["normalizer_fn"] = configs.column_function(feature.normalizer_fn)
    if feature.feature_type == FeatureConfig.ExprFeature:
        settings["expression"] = _expression(feature, columns)
    if feature.feature_type == FeatureConfig.RawFeature and feature.seq_multi_sep:
        settings["combiner"] = feature.combiner  # Of numbers, before anything is embedded.
    settings.update(_fitted(feature))
    return settings


def _fitted(feature: FeatureConfig) -> dict[str, Any]:
    """What was filled in from statistics, and not how it was asked for."""
    found: dict[str, Any] = {}
    if feature.HasField("normalization"):
        how = feature.normalization
        found["normalization"] = [how.method, how.center, how.scale]
    if feature.HasField("binning"):
        found["binning"] = list(feature.binning.edges)
    if feature.HasField("vocabulary"):
        found["vocabulary"] = _digest_words(word.encode() for word in feature.vocabulary.words)
    return found


def _settings(feature: FeatureConfig) -> dict[str, Any]:
    default = FeatureConfig()
    found: dict[str, Any] = {}
    for field in feature.DESCRIPTOR.fields:
        value = getattr(feature, field.name)
        if field.name in BESIDE or value == getattr(default, field.name):
            continue
        if field.message_type:
            found[field.name] = True  # `_fitted` tells the rest.
        else:
            found[field.name] = list(value) if field.is_repeated else value
    return found


def _has_vocabulary(feature: FeatureConfig) -> bool:
    if feature.feature_type == FeatureConfig.SequenceFeature:
        return feature.sub_feature_type == FeatureConfig.IdFeature
    return feature.feature_type in _OF_IDS


def _words(settings: dict[str, Any], read: dict[str, str]) -> dict[str, str]:
    """The words of a vocabulary by their digest, in a list as in a file."""
    if "vocab_list" in settings:
        return {"words": _digest_words(word.encode() for word in settings.pop("vocab_list"))}
    if "vocab_file" not in settings:
        return {}
    path = settings.pop("vocab_file")
    if path not in read:
        read[path] = _digest_words(read_words(path))
    return {"words": read[path]}


def _digest_words(words: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for word in words:
        digest.update(word + b"\n")  # Which no word of a file contains.
    return digest.hexdigest()


def _expression(feature: FeatureConfig, columns: Sequence[DatasetConfig.Field]) -> str:
    """The expression with the columns' places instead of their names."""
    try:
        tree = read_expression(feature, columns)
    except ExpressionError as error:
        raise ConfigError([unusable_expression(feature, error)]) from error
    places = {column.input_name: f"#{place}" for place, column in enumerate(columns)}
    return printed(_renamed(tree, places))


def _renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    if isinstance(tree, Name):
        return dataclasses.replace(tree, name=names[tree.name])
    if isinstance(tree, Call):
        arguments = tuple(_renamed(each, names) for each in tree.arguments)
        return dataclasses.replace(tree, arguments=arguments)
    return tree


def _columns(
    feature: FeatureConfig, fields: Mapping[str, DatasetConfig.Field]
) -> list[DatasetConfig.Field]:
    return [fields[name] for name in feature.input_names]


def _digest(described: Any) -> str:
    text = json.dumps(described, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
