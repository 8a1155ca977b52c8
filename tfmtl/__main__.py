"""`tfmtl <command> ...`, which is the same as `python -m tfmtl.<command> ...`."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

import tfmtl

COMMANDS = {
    "train": "train a config's model, evaluate and export it",
    "evaluate": "measure a checkpoint",
    "export": "write a checkpoint as a SavedModel",
    "predict": "score the rows of files with an exported model",
    "serve": "answer requests as TensorFlow Serving does, for development",
    "init": "propose a config from a sample of the data",
    "statistics": "tell what the training data is like, for people and for features",
    "convert": "write data as Parquet or TFRecord, perhaps with its features encoded",
    "validate": "tell every problem of a config",
    "benchmark": "measure reading, encoding and training",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    command, *rest = (sys.argv[1:] if argv is None else list(argv)) or ["--help"]
    if command in ("-h", "--help"):
        print(_usage())
        return 0
    if command == "--version":
        print(f"tfmtl {tfmtl.__version__}")
        return 0
    if command not in COMMANDS:
        print(_unknown(command), file=sys.stderr)
        return 2
    status: int = importlib.import_module(f"tfmtl.{command}").main(rest)
    return status


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {purpose}" for name, purpose in COMMANDS.items()]
    head = ["usage: tfmtl COMMAND ...", "", "Commands (tfmtl COMMAND --help tells their options):"]
    return "\n".join([*head, *lines])


def _unknown(command: str) -> str:
    nearest = difflib.get_close_matches(command, COMMANDS, 1)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    return f"The command should be one of {', '.join(COMMANDS)}. Received: `{command}`.{hint}"


if __name__ == "__main__":
    sys.exit(main())
