"""Writing pieces of a config's text."""

from __future__ import annotations

import json
import textwrap

from google.protobuf import text_format
from google.protobuf.message import Message

from tfmtl.config.wording import on_one_line

_WIDTH = 96


def indented(text: str) -> str:
    """A text two spaces further to the right."""
    return textwrap.indent(text, "  ")


def quoted(text: str) -> str:
    """A text in quotes, as a config has it."""
    return json.dumps(text, ensure_ascii=False)


def in_one_line(name: str, message: Message) -> str:
    """A message as one line of a config."""
    body = text_format.MessageToString(message, as_utf8=True, as_one_line=True)
    return f"{name} {{ {body.strip()} }}"


def wrapped(text: str, first: str = "", others: str = "") -> str:
    """A text in lines, broken at spaces, and what they begin with."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def comment(text: str) -> str:
    """A text as lines of a comment."""
    return wrapped(on_one_line(text), "# ", "#   ")
