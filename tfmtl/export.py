"""`python -m tfmtl.export`: writes a checkpoint as a SavedModel for TensorFlow Serving."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmtl import commands


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_export, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser("export", "Writes a checkpoint as a SavedModel.")
    commands.add_config_options(parser)
    commands.add_checkpoint_option(parser)
    parser.add_argument(
        "--export_dir",
        metavar="DIR",
        help="the folder of versions (default: export/final in model_dir)",
    )
    return parser


def _export(args: argparse.Namespace) -> None:
    pipeline = commands.load_pipeline(args, ["model_dir"])
    print(commands.load_api(args).export(pipeline, args.export_dir, checkpoint=args.checkpoint))


if __name__ == "__main__":
    sys.exit(main())
