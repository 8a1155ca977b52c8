"""How many different values there are, by their hashes.

Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog", AofA 2007: of hashes in m registers, a register
holds the most leading zeros of any of its own, and the harmonic mean of 2^register tells the count.
"""

from __future__ import annotations

import numpy as np

_BITS = 14
_REGISTERS = 1 << _BITS
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)


class DistinctCounter:
    """Counts different values: exactly while they are few, then within a standard error of 0.8%.

    Args:
        most: Hashes that are kept to count exactly.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._seen = np.empty(0, np.uint64)
        self._registers: np.ndarray | None = None

    @property
    def count(self) -> int:
        """How many different values there were."""
        return self._seen.size if self._registers is None else _estimate(self._registers)

    def update(self, hashes: np.ndarray) -> None:
        """Takes hashes of values, uint64 `(n,)`."""
        if self._registers is not None:
            _enter(hashes, self._registers)
            return
        # By sorting: `np.unique` takes many times as long for random whole numbers.
        seen = np.sort(np.concatenate([self._seen, hashes]))
        self._seen = seen[np.flatnonzero(np.diff(seen, prepend=~seen[:1]))]
        if self._seen.size > self._most:
            self._registers = np.zeros(_REGISTERS, np.uint8)
            _enter(self._seen, self._registers)
            self._seen = np.empty(0, np.uint64)

    def merge(self, other: DistinctCounter) -> None:
        """Takes in what another has seen."""
        self.update(other._seen)
        if other._registers is None:
            return
        if self._registers is None:
            self._registers = np.zeros(_REGISTERS, np.uint8)
            _enter(self._seen, self._registers)
            self._seen = np.empty(0, np.uint64)
        self._registers = np.maximum(self._registers, other._registers)


def _enter(hashes: np.ndarray, registers: np.ndarray) -> None:
    """Writes hashes into the registers."""
    place = (hashes >> np.uint64(64 - _BITS)).astype(np.int64)
    rest = hashes & np.uint64((1 << (64 - _BITS)) - 1)
    # The exponent of a float is the length in bits of the number, which has 50 of them at most.
    length = np.frexp(rest.astype(np.float64))[1]
    np.maximum.at(registers, place, (64 - _BITS - length + 1).astype(np.uint8))


def _estimate(registers: np.ndarray) -> int:
    estimate = _ALPHA * _REGISTERS**2 / np.sum(2.0 ** -registers.astype(np.float64))
    empty = np.count_nonzero(registers == 0)
    if estimate <= 2.5 * _REGISTERS and empty:
        estimate = _REGISTERS * np.log(_REGISTERS / empty)
    return round(float(estimate))
