"""Columns that may be known only after what they should help to predict.

A click's dwell time is above 0 only where there was a click: a model that reads it predicts clicks
without a fault, and knows nothing when it is served.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tfmtl.proposal.labels import Label
from tfmtl.proposal.profile import Profile

# The logarithm of how likely it may be that all of it is by chance.
_BY_CHANCE = math.log(1e-6)


def consequence_of(profile: Profile, labels: Sequence[Label]) -> str:
    """The label without which the column is always empty, 0 or false; "" if there is none."""
    events = (each for each in labels if each.is_binary)
    found = (e.name for e in events if _is_only_in(profile.happened, e.profile.happened))
    return next(found, "")


def condition_of(profile: Profile, labels: Sequence[Label]) -> str:
    """The label that never happens where the column, of two values, is empty, 0 or false."""
    if profile.distinct > 2:
        return ""
    found = (e.name for e in labels if _is_only_in(e.profile.happened, profile.happened))
    return next(found, "")


def _is_only_in(then: np.ndarray, before: np.ndarray) -> bool:
    """Whether some rows are all among others, and so many that it is not by chance."""
    share = before.mean()
    if not 0 < share < 1 or (then & ~before).any():
        return False
    return bool(then.sum() * math.log(share) < _BY_CHANCE)
