"""Which columns tell about the user, and which about the candidates that are ranked for him."""

from __future__ import annotations

from tfmtl.config.views import read_features
from tfmtl.protos import feature_pb2, pipeline_pb2


def user_columns(pipeline: pipeline_pb2.Pipeline) -> set[str]:
    """The columns with one value for all of a user's candidates.

    They are those that a feature of the user or of the context reads; all others have a value for
    each candidate. Empty if no feature is of the user.
    """
    return {
        column
        for feature in read_features(pipeline)
        if feature.side != feature_pb2.FeatureConfig.ITEM
        for column in feature.input_names
    }
