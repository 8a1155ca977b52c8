"""What requests over gRPC and over REST have in common: whom they ask, and trying again."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from tfmtl.errors import ServingError

T = TypeVar("T")

UNAVAILABLE = "UNAVAILABLE"
DEADLINE = "DEADLINE_EXCEEDED"

_FIRST_PAUSE = 0.05  # Seconds; doubled each time, and up to half of it left out at random.


@dataclasses.dataclass(frozen=True)
class Asked:
    """Which model is asked.

    Args:
        model: Its name.
        version: Its number; None means the newest.
        label: A label instead of a number.
    """

    model: str
    version: int | None = None
    label: str = ""


class Transport(Protocol):
    """A way to a server."""

    def signatures(self, asked: Asked, timeout: float) -> Mapping[str, Any]:
        """What the model can be asked: tensorflow.SignatureDef by name."""

    def predict(
        self,
        asked: Asked,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Mapping[str, Any],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """Its answers by name. `outputs` are those of the signature, tensorflow.TensorInfo."""

    def close(self) -> None:
        """Ends all connections."""


def with_retries(ask: Callable[[float], T], timeout: float, retries: int) -> T:
    """Asks until there is an answer.

    Args:
        ask: Asks once, and is given the seconds that are left.
        timeout: Seconds for all tries together.
        retries: How often it is asked again if the server cannot be reached.

    Raises:
        ServingError: If it could not be reached to the end, or answered with an error.
    """
    deadline = time.monotonic() + timeout
    for tries in range(retries + 1):
        try:
            return ask(max(deadline - time.monotonic(), 1e-3))
        except ServingError as error:
            pause = _FIRST_PAUSE * 2**tries * random.uniform(0.5, 1.0)
            is_late = time.monotonic() + pause >= deadline
            if error.code != UNAVAILABLE or tries == retries or is_late:
                raise
        time.sleep(pause)
    raise AssertionError("The last try returns or raises.")
