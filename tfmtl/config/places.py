"""Where in its file each part of a config stands."""

from __future__ import annotations

import re

from tfmtl.config.text_fields import line_and_column

_LAST_STEP = re.compile(r"(?:\[\d+\]|(?:^|\.)\w+)$")


class Places:
    """The places of a file's fields.

    Args:
        source: The file, for messages.
        text: What it holds.
    """

    def __init__(self, source: str, text: str = "") -> None:
        self.source = source
        self.starts: dict[str, int] = {}  # Of fields, by path, such as `features[2].embedding_dim`.
        self._text = text

    def at(self, path: str) -> str:
        """File, line and column of a field, or of the nearest around it whose place is known."""
        while path and path not in self.starts:
            path = _LAST_STEP.sub("", path)
        return self.at_start(self.starts[path]) if path else self.source

    def at_start(self, start: int) -> str:
        """File, line and column of a place in the text."""
        line, column = line_and_column(self._text, start)
        return f"{self.source}:{line}:{column}"
