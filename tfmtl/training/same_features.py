"""Whether a checkpoint's features mean what they meant when it was written."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from tfmtl import config
from tfmtl.config.wording import ticked
from tfmtl.errors import TrainingError
from tfmtl.features.fingerprints import fingerprints
from tfmtl.protos import pipeline_pb2


@dataclasses.dataclass(frozen=True)
class Remade:
    """What a model reads in another way than the one of a checkpoint did.

    Args:
        tables: Tables that no feature reads as it did there: their rows are of other words or bins.
        others: Features that were made in another way there, and are read by other weights than
            those: numbers of another scale, say, that go into a layer.
    """

    tables: Collection[str]
    others: Sequence[str]


def find_remade(
    pipeline: pipeline_pb2.Pipeline, saved: Mapping[str, str], tables: Collection[str]
) -> Remade:
    """Compares the features of a pipeline with those of a checkpoint.

    Args:
        pipeline: The pipeline.
        saved: The fingerprints of the checkpoint's features, by their names.
        tables: The names of the model's tables.
    """
    own = fingerprints(pipeline)
    same: dict[str, dict[str, bool]] = {table: {} for table in tables}
    for feature in config.read_features(pipeline):
        name = config.feature_name(feature)
        for table in {feature.embedding_name or name, name} & {*tables} if name in saved else ():
            same[table][name] = saved[name] == own[name]
    remade = {table for table, its in same.items() if its and not any(its.values())}
    told = {name for table in remade for name in same[table]}
    changed = [name for name in own if saved.get(name, own[name]) != own[name]]
    return Remade(remade, [name for name in changed if name not in told])


def check_same_transforms(path: str, saved: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raises if a feature turns cells into other ids and numbers than its weights were learned for.

    Features that only one of them has are told by the variables. So are all of a checkpoint that
    knows no fingerprints.

    Args:
        path: The checkpoint.
        saved: The fingerprints of its features' transforms, by their names.
        own: Those of the config.

    Raises:
        TrainingError: With the features that differ.
    """
    changed = [name for name in own if saved.get(name, own[name]) != own[name]]
    if changed:
        raise TrainingError(
            f"The checkpoint `{path}` should have learned the features as the config makes them. "
            f"Received: another transform (its columns' types and defaults, ids, words, bins) of "
            f"{ticked(changed)}. Use the config it was trained with (`pipeline.config` beside it) "
            "and its vocabularies, or train into another model_dir."
        )
