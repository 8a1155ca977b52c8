"""Whether features take from statistics what a model was trained with."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format

from tfmtl import config
from tfmtl.errors import TrainingError
from tfmtl.protos import pipeline_pb2

_FITTED = ("normalization", "binning", "vocabulary")


def check_as_trained(pipeline: pipeline_pb2.Pipeline) -> None:
    """Checks that scales, bins and words are those that the config in `model_dir` has.

    Statistics that were written anew since would make other inputs of the same data, which nothing
    else would tell.

    Args:
        pipeline: The config, of which a model in its `model_dir` is to be restored.

    Raises:
        TrainingError: If they are others.
    """
    path = Path(pipeline.model_dir, config.SAVED)
    if not path.is_file():
        return
    trained = text_format.Parse(
        path.read_text("utf-8"), pipeline_pb2.Pipeline(), allow_unknown_field=True
    )
    by_name = {config.feature_name(each): each for each in config.features(trained)}
    for feature in config.features(pipeline):
        name = config.feature_name(feature)
        for field in _FITTED:
            mine, theirs = (getattr(each, field) for each in (feature, by_name.get(name, feature)))
            if theirs.ByteSize() and mine != theirs:
                raise TrainingError(
                    f"`{field}` of feature `{name}` should be what the model in `model_dir` was "
                    "trained with. Received: another, from other statistics or another config. "
                    f"The config of the model is `{path}`."
                )
