"""The kinds of features. A new kind is a new file and a new row here."""

from __future__ import annotations

from tfmtl import config as configs
from tfmtl.errors import ConfigError
from tfmtl.features.combo_feature import ComboFeature
from tfmtl.features.expr_feature import ExprFeature
from tfmtl.features.feature import Feature
from tfmtl.features.id_feature import IdFeature
from tfmtl.features.lookup_feature import LookupFeature
from tfmtl.features.parts import Parts
from tfmtl.features.raw_feature import RawFeature
from tfmtl.features.sequence_feature import SequenceFeature
from tfmtl.features.tag_feature import TagFeature
from tfmtl.protos.feature_pb2 import FeatureConfig

KINDS: dict[int, type[Feature]] = {
    FeatureConfig.IdFeature: IdFeature,
    FeatureConfig.RawFeature: RawFeature,
    FeatureConfig.TagFeature: TagFeature,
    FeatureConfig.ComboFeature: ComboFeature,
    FeatureConfig.LookupFeature: LookupFeature,
    FeatureConfig.SequenceFeature: SequenceFeature,
    FeatureConfig.ExprFeature: ExprFeature,
}


def build_feature(config: FeatureConfig, parts: Parts) -> Feature:
    """The feature that a config describes.

    Args:
        config: Its config.
        parts: The columns and vocabularies it may use.

    Raises:
        ConfigError: If the config does not describe one; each problem names the feature.
    """
    try:
        return _kind(config).from_config(config, parts)
    except ConfigError as error:
        name = configs.feature_name(config)
        problems = [f"Feature `{name}`: {problem}" for problem in error.problems]
        raise ConfigError(problems) from error


def _kind(config: FeatureConfig) -> type[Feature]:
    if config.feature_type not in KINDS:
        known = ", ".join(FeatureConfig.FeatureType.Name(kind) for kind in KINDS)
        given = FeatureConfig.FeatureType.Name(config.feature_type)
        raise ConfigError(
            [f"`feature_type` should be one of {known}. Received: {given}, which has no vector."]
        )
    return KINDS[config.feature_type]
