"""Where to part numbers so that labels differ the most: a decision tree over one number.

Breiman, Friedman, Olshen and Stone, "Classification and regression trees", 1984, grown best first:
of all leaves, the one whose best split takes the most from the sum of squares is split next,

    gain = S_l² / W_l + S_r² / W_r - S² / W          with weights W and weighted sums of labels S

which of labels 0 and 1 is the split by Gini's impurity.
"""

from __future__ import annotations

import heapq

import numpy as np

_LEAST_GAIN = 1e-9


def best_splits(
    values: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    most: int = 99,
    least_share: float = 0.005,
) -> list[float]:
    """The places that part the values, in the order in which a tree that is grown finds them.

    Args:
        values: Numbers, `(n,)`.
        labels: Their labels, `(n,)`.
        weights: What each counts, above 0, `(n,)`; by default alike.
        most: The most places.
        least_share: Share of the rows that a leaf has at least.

    Returns:
        Halfway between the two values that a place parts. The first k of them are the edges of a
        tree of k + 1 leaves.
    """
    tree = _Tree(values, labels, np.ones(len(values)) if weights is None else weights, least_share)
    leaves = [tree.leaf(0, len(values))]
    edges: list[float] = []
    while len(edges) < most:
        gain, start, place, stop = heapq.heappop(leaves)
        if -gain <= _LEAST_GAIN * tree.squares:
            break
        edges.append(tree.edge(place))
        heapq.heappush(leaves, tree.leaf(start, place))
        heapq.heappush(leaves, tree.leaf(place, stop))
    return edges


class _Tree:
    """The sorted rows, of which a leaf is a run."""

    def __init__(
        self, values: np.ndarray, labels: np.ndarray, weights: np.ndarray, least_share: float
    ) -> None:
        order = np.argsort(values, kind="stable")
        self._values, labels, weights = values[order], labels[order], weights[order]
        mean = np.average(labels, weights=weights) if weights.size else 0.0
        self._weights = np.concatenate([[0.0], np.cumsum(weights)])
        self._sums = np.concatenate([[0.0], np.cumsum(weights * (labels - mean))])
        self._least = max(1, int(np.ceil(least_share * len(values))))
        self.squares = float(np.sum(weights * np.square(labels - mean)))

    def leaf(self, start: int, stop: int) -> tuple[float, int, int, int]:
        """The best split of a run of rows: its gain, negative, and where it parts the run."""
        places = np.arange(start + self._least, stop - self._least + 1)
        places = places[self._values[places - 1] < self._values[places]] if places.size else places
        if not places.size:
            return 0.0, start, start, stop
        gains = self._score(start, places) + self._score(places, stop) - self._score(start, stop)
        best = int(np.argmax(gains))
        return -float(gains[best]), start, int(places[best]), stop

    def edge(self, place: int) -> float:
        """Halfway between the two values beside a place."""
        low, high = self._values[place - 1], self._values[place]
        return float(low + (high - low) / 2)

    def _score(self, start: int | np.ndarray, stop: int | np.ndarray) -> np.ndarray:
        """S² / W of runs."""
        total = self._sums[stop] - self._sums[start]
        return total**2 / (self._weights[stop] - self._weights[start])
