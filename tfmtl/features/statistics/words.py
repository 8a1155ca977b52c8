"""The most frequent words of any number of them.

Misra and Gries, "Finding repeated elements", 1982, by batches: where there are too many different
words to count, the count of the first one too many is taken from all, and those that had no more
are dropped. Merged as in Agarwal et al., "Mergeable summaries", PODS 2012.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfmtl.features.statistics.distinct import DistinctCounter


class WordCounter:
    """Counts words: all of them exactly while they are few.

    Of n words with more than twice `capacity` different ones, counts fall short by
    `count_error` at most, which is at most n / (capacity + 1).

    Args:
        capacity: Different words that are kept.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self.total = 0
        self.count_error = 0
        self._counts: collections.Counter[bytes] = collections.Counter()
        self._different: DistinctCounter | None = None

    @property
    def distinct(self) -> int:
        """How many different words there were."""
        return len(self._counts) if self._different is None else self._different.count

    def update(self, words: Sequence[bytes]) -> None:
        """Takes words."""
        self.total += len(words)
        self._counts.update(words)
        if self._different is not None:
            self._different.update(_hashes(set(words)))
        self._keep_within_capacity()

    def merge(self, other: WordCounter) -> None:
        """Takes in what another has seen."""
        if other._different is not None or self._different is not None:
            self._count_different().merge(other._count_different())
        self.total += other.total
        self.count_error += other.count_error
        self._counts.update(other._counts)
        self._keep_within_capacity()

    def most_common(self) -> list[tuple[bytes, int]]:
        """The words and their counts, the most frequent first, equally frequent ones in order."""
        ordered = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        return ordered[: self.capacity]

    def _keep_within_capacity(self) -> None:
        if len(self._counts) <= 2 * self.capacity:
            return
        self._count_different()
        counts = np.fromiter(self._counts.values(), np.int64)
        first_too_many = int(np.partition(counts, -self.capacity - 1)[-self.capacity - 1])
        kept = {w: n - first_too_many for w, n in self._counts.items() if n > first_too_many}
        self._counts = collections.Counter(kept)
        self.count_error += first_too_many

    def _count_different(self) -> DistinctCounter:
        """Counts different words by their hashes from now on, because not all will be kept."""
        if self._different is None:
            self._different = DistinctCounter()
            self._different.update(_hashes(self._counts))
        return self._different


def _hashes(words: collections.Counter[bytes] | set[bytes]) -> np.ndarray:
    """The same in every process, unlike Python's own."""
    values = np.empty(len(words), object)
    values[:] = list(words)
    return pd.util.hash_array(values, categorize=False)
