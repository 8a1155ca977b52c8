"""`python -m tfmtl.statistics`: what the training data is like, for reading and for features."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmtl import commands


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_statistics, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "statistics",
        "Goes through the training data once; prints and writes counts, quantiles and words of "
        "every column.",
    )
    commands.add_config_options(parser)
    parser.add_argument(
        "--output_path",
        metavar="FILE",
        help="where to write the statistics (default: the config's statistics_path, or "
        "statistics.pbtxt in model_dir); the table is written beside them, as .txt",
    )
    parser.add_argument(
        "--max_words",
        type=commands.positive,
        default=100_000,
        metavar="N",
        help="words of a column that are kept, the most frequent ones (default: 100000)",
    )
    parser.add_argument(
        "--sample_rows",
        type=commands.positive,
        default=200_000,
        metavar="N",
        help="rows that a tree of bins is grown from at most (default: 200000)",
    )
    return parser


def _statistics(args: argparse.Namespace) -> None:
    pipeline = commands.load_pipeline(args, ["train_input_path"], fitted=False)
    api = commands.load_api(args)
    found = api.statistics(
        pipeline,
        output_path=args.output_path,
        max_words=args.max_words,
        sample_rows=args.sample_rows,
    )
    print(api.statistics_table(found))


if __name__ == "__main__":
    sys.exit(main())
