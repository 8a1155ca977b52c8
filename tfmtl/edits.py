"""Changes to a config from the command line: `--set`, `--edit_config_json`, flags of fields."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from tfmtl.errors import ConfigError

Edit = tuple[str, Any]

# `data_config.batch_size=64`; a selector such as `[input_names[0]=brand]` holds a "=" of its own.
_EDIT = re.compile(r"((?:[^\[\]=]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])+)=(.*)", re.DOTALL)
_EDIT_FLAG = re.compile(r"--\w+[.\[]")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments; the fields set by flags of their own are in `edit_flags`."""
    if parser.get_default("edit_flags") is None:
        return parser.parse_args(argv)
    rest, edits = _take_edit_flags(parser, argv)
    return parser.parse_args(rest, argparse.Namespace(edit_flags=edits))


def edits_of(args: argparse.Namespace) -> list[Edit]:
    """The changes to the config, in the order in which they apply."""
    edits: list[Edit] = []
    if args.model_dir:
        edits.append(("model_dir", args.model_dir))
    if args.train_input_path:
        edits.append(("train_input_path", ",".join(args.train_input_path)))
    if args.eval_input_path:
        edits.append(("eval_input_path", ",".join(args.eval_input_path)))
    if getattr(args, "fine_tune_checkpoint", None):  # An option of `train` alone.
        edits.append(("train_config.fine_tune_checkpoint", args.fine_tune_checkpoint))
    return [
        *edits,
        *_json_edits(args.edit_config_json),
        *(_split_edit(text, "--set") for text in args.set),
        *args.edit_flags,
    ]


def _take_edit_flags(
    parser: argparse.ArgumentParser, argv: Sequence[str]
) -> tuple[list[str], list[Edit]]:
    """Takes `--data_config.X=V` and `--data_config.X V` out of the arguments."""
    rest, edits = [], []
    remaining = iter(argv)
    for argument in remaining:
        if not _EDIT_FLAG.match(argument):
            rest.append(argument)
        elif match := _EDIT.fullmatch(argument.removeprefix("--")):
            edits.append((match[1], match[2]))
        elif (value := next(remaining, None)) is not None:
            edits.append((argument.removeprefix("--"), value))
        else:
            parser.error(f"argument {argument}: expected a value")
    return rest, edits


def _json_edits(text: str | None) -> list[Edit]:
    if not text:
        return []
    try:
        edits = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"`--edit_config_json` should be JSON. Received: {text} ({error})."
        raise ConfigError([problem]) from error
    if not isinstance(edits, dict):
        raise ConfigError(
            [f"`--edit_config_json` should be an object of fields and values. Received: {text}."]
        )
    return list(edits.items())


def _split_edit(text: str, option: str) -> Edit:
    match = _EDIT.fullmatch(text)
    if not match:
        example = "train_config.num_steps=50"
        raise ConfigError([f"`{option}` should be FIELD=VALUE, as {example}. Received: {text}."])
    return match[1], match[2]
