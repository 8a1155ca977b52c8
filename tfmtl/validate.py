"""`python -m tfmtl.validate CONFIG`: tells every problem of a config, or what it describes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmtl import commands, config
from tfmtl.protos.pipeline_pb2 import Pipeline


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_validate, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser("validate", "Tells every problem of a config.")
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="the config")
    parser.add_argument(
        "--flatten",
        action="store_true",
        help="print the whole config in one file: with what it imports, and with all changes",
    )
    commands.add_config_options(parser)
    return parser


def _validate(args: argparse.Namespace) -> None:
    args.pipeline_config_path = args.config or args.pipeline_config_path
    pipeline = commands.load_pipeline(args)
    if pipeline.export_config.embedding_outputs:  # Layers have no names before they are built.
        commands.load_api(args).check_network(pipeline)
    print(config.to_text(pipeline).rstrip() if args.flatten else _summary(pipeline))


def _summary(pipeline: Pipeline) -> str:
    features = [config.feature_name(feature) for feature in config.features(pipeline)]
    tasks = [f"{tower.tower_name} ({tower.label_name})" for tower in config.towers(pipeline)]
    return (
        f"OK: {config.architecture(pipeline)}\n"
        f"tasks (and labels): {', '.join(tasks)}\n"
        f"features: {len(features)} ({', '.join(features)})"
    )


if __name__ == "__main__":
    sys.exit(main())
