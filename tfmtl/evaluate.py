"""`python -m tfmtl.evaluate`: measures a checkpoint on the evaluation data, or any other."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from tfmtl import commands, config


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_evaluate, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "evaluate", "Measures a checkpoint on the evaluation data; prints and writes JSON."
    )
    commands.add_config_options(parser)
    commands.add_checkpoint_option(parser)
    parser.add_argument(
        "--eval_result_path",
        type=commands.new_path,
        metavar="FILE",
        help="where to write the result (default: eval_result.json in model_dir)",
    )
    return parser


def _evaluate(args: argparse.Namespace) -> None:
    pipeline = commands.load_pipeline(args, config.TO_EVALUATE)
    result = commands.load_api(args).evaluate(
        pipeline, checkpoint=args.checkpoint, result_path=args.eval_result_path
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
