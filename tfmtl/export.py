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
    parser = commands.new_parser(
        "export", "Writes a checkpoint as a SavedModel, or checks one that was written."
    )
    commands.add_config_options(parser)
    parser.add_argument(
        "--export_dir",
        metavar="DIR",
        help="the folder of versions (default: export/final in model_dir)",
    )
    what = commands.add_rolling_options(
        parser,
        best="writes the best checkpoint, to export/best in model_dir",
        latest="writes the latest checkpoint, to export/latest in model_dir",
    )
    commands.add_checkpoint_option(what)
    what.add_argument(
        "--check",
        metavar="DIR",
        help="writes nothing, but holds what is there to all that an export must be: a version, "
        "or the newest in a folder of versions",
    )
    return parser


def _export(args: argparse.Namespace) -> None:
    if args.check:
        print("\n".join(commands.load_api(args).check_export(args.check).lines()))
        return
    pipeline = commands.load_pipeline(args, ["model_dir"])
    api = commands.load_api(args)
    checkpoint, directory, keep = args.checkpoint, args.export_dir, args.exports_to_keep
    if args.rolling:
        checkpoint, keep = args.rolling, keep or pipeline.export_config.exports_to_keep
        directory = directory or api.serving.export_base(pipeline.model_dir, args.rolling)
    print(api.export(pipeline, directory, checkpoint=checkpoint, keep=keep))


if __name__ == "__main__":
    sys.exit(main())
