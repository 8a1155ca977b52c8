"""What is found while a config is read and checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tfmtl.config.wording import show, suggest


class Problem(NamedTuple):
    """Something that must be put right.

    Args:
        path: The field it is about, such as `train_config.num_steps`.
        text: The sentence that the user reads.
    """

    path: str
    text: str


class Report:
    """Collects problems, and warnings about what works but may not be meant."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def should(self, path: str, rule: str, received: Any = None, *, of: str = "") -> None:
        """Adds a problem: what the field should do, and what was received.

        Args:
            path: The field.
            rule: What follows "should".
            received: Its value; None is told as nothing.
            of: Whose field it is, such as "feature `city`".
        """
        text = f"{_subject(path, of)} should {rule}. Received: {show(received)}."
        self.problems.append(Problem(path, text))

    def should_name(
        self, path: str, what: str, name: str, known: Iterable[str], *, of: str = ""
    ) -> None:
        """Adds a problem about an unknown name, with the nearest known one."""
        text = (
            f"{_subject(path, of)} should name {what}. "
            f"Received: {show(name)}.{suggest(name, known)}"
        )
        self.problems.append(Problem(path, text))

    def warn(self, path: str, sentence: str, *, of: str = "") -> None:
        """Adds a warning: the field, and what is said of it."""
        self.warnings.append(f"{_subject(path, of)} {sentence}.")


def _subject(path: str, of: str) -> str:
    return f"`{path}` ({of})" if of else f"`{path}`"
