"""Quantiles of any number of numbers in little memory.

A stack of buffers, as in Manku, Rajagopalan and Lindsay, "Approximate medians and other quantiles
in one pass and with limited memory", SIGMOD 1998, and in the KLL sketch: a buffer that is full is
sorted, and every other number of it goes up to the next, where each stands for twice as many.
"""

from __future__ import annotations

import numpy as np


class QuantileSketch:
    """Quantiles, exact until a buffer is full.

    Of more numbers, ranks are off by about 1 / capacity of all of them (a standard deviation), and
    capacity · log2(numbers / capacity) are held.

    Args:
        capacity: Numbers in a buffer.
        seed: Decides which half of a buffer goes up.
    """

    def __init__(self, capacity: int = 8192, seed: int = 0) -> None:
        self._capacity = capacity
        self._random = np.random.default_rng(seed)
        self._buffers: list[np.ndarray] = []

    def update(self, numbers: np.ndarray) -> None:
        """Takes finite numbers, `(n,)`."""
        self._add(0, np.asarray(numbers, np.float64))

    def merge(self, other: QuantileSketch) -> None:
        """Takes in what another has seen."""
        for level, numbers in enumerate(other._buffers):
            self._add(level, numbers)

    def grid(self, steps: int) -> np.ndarray:
        """The numbers that j / steps of all stand before, in order, for j from 0 to steps.

        The last is the greatest.

        Returns:
            `(steps + 1,)`, or `(0,)` if there were no numbers.
        """
        if not any(each.size for each in self._buffers):
            return np.empty(0)
        numbers = np.concatenate(self._buffers)
        weights = np.repeat(2 ** np.arange(len(self._buffers)), [b.size for b in self._buffers])
        order = np.argsort(numbers, kind="stable")
        reached = np.cumsum(weights[order])
        # Whole numbers, because a share such as 3 / 10 · 10 would not be 3 among floats.
        before = np.minimum(np.arange(steps + 1) * reached[-1] // steps, reached[-1] - 1)
        return numbers[order][np.searchsorted(reached, before, side="right")]

    def _add(self, level: int, numbers: np.ndarray) -> None:
        """Puts numbers that stand for 2^level each into their buffer."""
        while level >= len(self._buffers):
            self._buffers.append(np.empty(0))
        held = np.concatenate([self._buffers[level], numbers])
        if held.size <= self._capacity:
            self._buffers[level] = held
            return
        held = np.sort(held)
        odd = held.size % 2
        # What has no partner stays: the least or the greatest, so that neither is favoured.
        first = int(self._random.integers(2)) if odd else 0
        self._buffers[level] = held[:1] if first else held[held.size - odd :]
        pairs = held[first : first + held.size - odd]
        self._add(level + 1, pairs[int(self._random.integers(2)) :: 2])
