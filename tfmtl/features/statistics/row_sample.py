"""A sample of rows in which each row is as likely as any other."""

from __future__ import annotations

import numpy as np


class RowSample:
    """All rows while they are few, then so many of them, drawn at random.

    Each row draws a number, and the rows with the least numbers are kept; samples of parts, drawn
    by different seeds, are merged by the same rule.

    Args:
        most: Rows that are kept.
        width: Numbers in a row.
        seed: Decides the draws.
    """

    def __init__(self, most: int, width: int, seed: int = 0) -> None:
        self._most = most
        self._random = np.random.default_rng(seed)
        self._draws = np.empty(0)
        self.rows = np.empty((0, width))

    def update(self, rows: np.ndarray) -> None:
        """Takes rows, `(n, width)`."""
        self._keep(self._random.random(len(rows)), rows)

    def merge(self, other: RowSample) -> None:
        """Takes in what another has kept."""
        self._keep(other._draws, other.rows)

    def _keep(self, draws: np.ndarray, rows: np.ndarray) -> None:
        if self._draws.size == self._most:
            within = draws < self._draws.max(initial=0.0)
            draws, rows = draws[within], rows[within]
        draws = np.concatenate([self._draws, draws])
        rows = np.concatenate([self.rows, rows])
        if draws.size > self._most:
            least = np.argpartition(draws, self._most - 1)[: self._most]
            draws, rows = draws[least], rows[least]
        self._draws, self.rows = draws, rows
