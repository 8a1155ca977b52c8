"""What was read of row groups, as long as it is wanted."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class GroupCells:
    """What was read of a group.

    Attributes:
        tensors: Its columns.
        is_bad: Which of its rows have a cell that is none of its column's type.
        beside: What was made of other columns.
    """

    tensors: dict[str, tf.Tensor]
    is_bad: np.ndarray
    beside: Any = None


class GroupCache:
    """The groups that were last asked for, in memory.

    Args:
        load: Reads a group.
        kept: How many are kept.
    """

    def __init__(self, load: Callable[[int], GroupCells], kept: int) -> None:
        self._load, self._kept = load, kept
        self._slots: collections.OrderedDict[int, _Slot] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, group: int) -> GroupCells:
        with self._lock:
            slot = self._slots.setdefault(group, _Slot())
            self._slots.move_to_end(group)
            while len(self._slots) > self._kept:
                self._slots.popitem(last=False)
        with slot.lock:  # Others may read other groups at the same time.
            if slot.cells is None:
                slot.cells = self._load(group)
            return slot.cells


class _Slot:
    """Where the cells of a group will be."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.cells: GroupCells | None = None
