"""Whether a checkpoint's features mean what they meant when it was written."""

from __future__ import annotations

from collections.abc import Mapping

from tfmtl.config.wording import ticked
from tfmtl.errors import TrainingError


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
