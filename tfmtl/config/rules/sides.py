"""Rules of whom features tell about: the user, the request or the candidate."""

from __future__ import annotations

from tfmtl.config.problems import Report
from tfmtl.config.sides import user_columns
from tfmtl.config.views import feature_name, placed_features, read_features
from tfmtl.config.wording import Word
from tfmtl.protos import feature_pb2, pipeline_pb2

_Feature = feature_pb2.FeatureConfig


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """Where candidates are ranked for a user, some columns tell them apart."""
    of_user = user_columns(pipeline)
    if not of_user:
        return
    read = read_features(pipeline)
    if all(column in of_user for each in read for column in each.input_names):
        report.should(
            "feature_config.features",
            "have one with `side: ITEM`, or candidates could not be told apart",
            [feature_name(each) for each in read],
        )
    for placed in placed_features(pipeline):
        _check_side(placed.feature, placed.path, of_user, report)


def _check_side(feature: _Feature, path: str, of_user: set[str], report: Report) -> None:
    """A feature that says it is of the candidate reads a column that is."""
    says = feature.HasField("side") and feature.side == _Feature.ITEM
    if says and all(column in of_user for column in feature.input_names):
        rule = "not be ITEM, because other features say that its columns are of the user"
        report.should(f"{path}.side", rule, Word("ITEM"), of=f"feature `{feature_name(feature)}`")
