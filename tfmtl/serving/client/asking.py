"""What requests over gRPC and over REST have in common: whom they ask, failing, trying again."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from tfmtl.config.wording import on_one_line
from tfmtl.errors import ServingError

T = TypeVar("T")

UNAVAILABLE = "UNAVAILABLE"
DEADLINE = "DEADLINE_EXCEEDED"
OTHER_OUTPUTS = "INTERNAL"

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


def failed(address: str, code: str, message: str) -> ServingError:
    """What is told of a server that did not answer well.

    Args:
        address: The server's.
        code: `INVALID_ARGUMENT`, say.
        message: What is wrong, in the server's words if it has any.
    """
    return ServingError(f"{address} answered {code}: {on_one_line(message)}", code)


def unreached(address: str, reason: str, would_do: str = "") -> ServingError:
    """What is told of a server that could not be reached.

    Args:
        address: The server's.
        reason: Why, as far as it is known.
        would_do: A sentence about what would do.
    """
    told = f"{address} could not be reached: {on_one_line(reason).rstrip('.')}."
    return ServingError(f"{told} {would_do}".rstrip(), UNAVAILABLE)


def late(address: str, timeout: float) -> ServingError:
    """What is told of a server that did not answer in time.

    Args:
        address: The server's.
        timeout: Seconds that it had.
    """
    return ServingError(f"{address} did not answer in {timeout:.1f} s.", DEADLINE)


def check_outputs(address: str, answered: Collection[str], outputs: Collection[str]) -> None:
    """Raises if an answer has not the outputs of the signature, but those of another model's.

    Args:
        address: The server's.
        answered: Names of what it answered.
        outputs: Names of the signature's outputs.

    Raises:
        ServingError: With both.
    """
    if set(answered) != set(outputs):
        wanted, received = (", ".join(sorted(names)) for names in (outputs, answered))
        raise ServingError(
            f"{address} should answer the signature's outputs, {wanted}. Received: {received}.",
            OTHER_OUTPUTS,
        )


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
