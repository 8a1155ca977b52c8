"""How many buckets and how wide an embedding a number of different values gets.

The rule, which the README tells: buckets are four times the values that were seen in all rows, or
twenty times those seen in a part of them, rounded up to 1, 2 or 5 times a power of ten, from 100 to
ten million. Embeddings are 4 wide up to 100 values, 8 up to 10,000 and 16 beyond.
"""

from __future__ import annotations

_SPARE, _SPARE_OF_A_PART = 4, 20
_FEWEST, _MOST = 100, 10_000_000
_WIDTHS = ((100, 4), (10_000, 8))
_WIDEST = 16


def buckets(distinct: int, is_all: bool) -> int:
    """The buckets for values of which some were seen."""
    wanted = min(distinct * (_SPARE if is_all else _SPARE_OF_A_PART), _MOST)
    size = _FEWEST
    while size < wanted:
        # 1, 2, 5, 10: 2 follows 1 and 10 follows 5 by a factor of 2.
        size = size * 5 // 2 if str(size).startswith("2") else size * 2
    return size


def width(distinct: int) -> int:
    """The width of an embedding."""
    return next((width for most, width in _WIDTHS if distinct <= most), _WIDEST)
