"""What each label makes of its task: a class or a number, and in which rows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from tfmtl.errors import ConfigError
from tfmtl.proposal.profile import Profile

_MOST_CLASSES = 20
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9.]+")


@dataclasses.dataclass(frozen=True)
class Label:
    """A label, and the task that learns it.

    Attributes:
        profile: Its column.
        num_class: 1 for yes or no, the number of classes, or 0 for a number.
        space: The label of the event that all its rows have had, such as the click of a purchase;
            "" if there is none.
    """

    profile: Profile
    num_class: int
    space: str = ""

    @property
    def name(self) -> str:
        """Its column's name."""
        return self.profile.name

    @property
    def tower(self) -> str:
        """The task's name, which is served."""
        return _NOT_OF_A_NAME.sub("_", self.name).strip("_") or "task"

    @property
    def is_binary(self) -> bool:
        """Whether it is yes or no."""
        return self.num_class == 1

    @property
    def told(self) -> str:
        """The label in some words."""
        missing = f", {self.profile.empty:,} cells are empty" if self.profile.empty else ""
        if self.is_binary:
            return f"yes or no, {values_of(self.profile).mean():.2%} yes{missing}"
        if self.num_class:
            return f"one of {self.num_class} classes{missing}"
        numbers = self.profile.numbers
        return f"a number, {numbers.min():g} to {numbers.max():g}{missing}"


def find_labels(profiles: Sequence[Profile]) -> list[Label]:
    """What the tasks of some labels are.

    Raises:
        ConfigError: If one holds no number.
    """
    labels = [Label(each, _num_class(each)) for each in profiles]
    return [dataclasses.replace(each, space=_space(each, labels)) for each in labels]


def values_of(profile: Profile) -> np.ndarray:
    """A label's values as numbers."""
    if profile.is_truth:
        return np.array([value.lower() == "true" for value in profile.values], float)
    return profile.numbers


def _num_class(profile: Profile) -> int:
    if not profile.values:
        received = f"{len(profile.cells):,} rows, all of them empty"
        raise ConfigError([f"Label `{profile.name}` should have values. Received: {received}."])
    if profile.is_truth or set(profile.counts) <= {"0", "1", "0.0", "1.0"}:
        return 1
    if not profile.is_number:
        value = next(iter(profile.counts))
        raise ConfigError(
            [f"Label `{profile.name}` should be numbers, or true and false. Received: {value!r}."]
        )
    is_classes = profile.is_whole and 2 < profile.distinct <= _MOST_CLASSES
    highest = int(profile.numbers.max())
    if is_classes and profile.numbers.min() >= 0 and highest < _MOST_CLASSES:
        return highest + 1
    return 0


def _space(label: Label, labels: Sequence[Label]) -> str:
    """The rarest event of which the label is a consequence: it is 0 or unknown without it."""
    events = [each for each in labels if each.is_binary and _follows(label, each)]
    return min(events, key=lambda each: each.profile.happened.sum()).name if events else ""


def _follows(label: Label, event: Label) -> bool:
    then, before = label.profile.happened, event.profile.happened
    is_rarer = then.sum() < before.sum() or not label.is_binary
    return is_rarer and bool(then.any()) and not (then & ~before).any()
