"""The mistakes a user can make, each told in one clean message.

Commands print the message and exit with status 2; programmers catch the exception.
"""

from __future__ import annotations

from collections.abc import Sequence


class TfmtlError(Exception):
    """A mistake of the user's. Its message tells what should be, what came and what would do."""


class ConfigError(TfmtlError):
    """A pipeline config that cannot be used, with every problem found in it.

    Args:
        problems: One sentence each.
        source: The file they were found in, if there is one.
    """

    def __init__(self, problems: Sequence[str], source: str = "") -> None:
        self.problems = list(problems)
        self.source = source
        super().__init__("\n".join(self.problems))


class DataError(TfmtlError):
    """Data that cannot be read as the config says: names the file, line and column if it can."""


class TrainingError(TfmtlError):
    """Training that cannot go on, with the step, the task and the likely cause."""


class ExportError(TfmtlError):
    """A model that cannot be exported, or an export that does not answer as the trained model."""


class ServingError(TfmtlError):
    """A server that cannot start, or does not answer; a request that it or its client refuses.

    Args:
        message: What is wrong.
        code: What the server's answer was called, `INVALID_ARGUMENT` say, if it gave one.
    """

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)
