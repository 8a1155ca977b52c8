"""`python -m tfmtl.train`: trains a config's model, evaluates it and exports it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmtl import commands
from tfmtl.edits import Edit


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_train, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser("train", "Trains a config's model, evaluates it and exports it.")
    commands.add_config_options(parser)
    parser.add_argument(
        "--continue_train",
        action="store_true",
        help="go on from the latest checkpoint in model_dir",
    )
    parser.add_argument(
        "--fine_tune_checkpoint",
        metavar="C",
        help="start from another training's weights: a checkpoint, or a directory of them",
    )
    commands.add_rolling_options(
        parser,
        best="exports after every evaluation that is better than all before",
        latest="exports after every evaluation",
    )
    return parser


def _train(args: argparse.Namespace) -> int:
    args.edit_flags += _rolling_edits(args)
    pipeline = commands.load_pipeline(args)
    result = commands.load_api(args).train(pipeline, continue_train=args.continue_train)
    return commands.INTERRUPTED if result.interrupted else 0


def _rolling_edits(args: argparse.Namespace) -> list[Edit]:
    """The changes to the config that the options of exports ask for."""
    given = {"exporter_type": args.rolling, "exports_to_keep": args.exports_to_keep}
    return [(f"export_config.{name}", value) for name, value in given.items() if value]


if __name__ == "__main__":
    sys.exit(main())
