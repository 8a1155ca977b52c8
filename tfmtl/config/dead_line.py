"""The time at which a training ends: `train_config.dead_line`."""

from __future__ import annotations

import math
import time

_FORMAT = "%Y%m%d %H:%M:%S"


def parse_dead_line(text: str) -> float | None:
    """The time that a text says, in seconds since 1970; None if it says none.

    Args:
        text: Such as "20261231 23:59:59", on this machine's clock, or "1798761599", in seconds.
    """
    try:
        return time.mktime(time.strptime(text.strip(), _FORMAT))
    except (ValueError, OverflowError):
        pass
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
