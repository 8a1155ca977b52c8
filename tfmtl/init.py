"""`python -m tfmtl.init`: proposes a config from a sample of the data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmtl import commands, config


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_init, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "init", "Proposes a config, with its reasons in comments, and prints it."
    )
    parser.add_argument(
        "--data", required=True, metavar="PATH", help="CSV with a header, Parquet or TFRecord"
    )
    parser.add_argument("--eval_data", default="", metavar="PATH", help="the same to evaluate on")
    parser.add_argument(
        "--labels", required=True, metavar="A,B", help="the columns to learn, first events first"
    )
    parser.add_argument(
        "--model", default="mmoe", metavar="M", help="the architecture (default: mmoe)"
    )
    parser.add_argument(
        "--rows",
        type=commands.positive,
        default=100_000,
        metavar="N",
        help="look at the first N rows (default: 100000)",
    )
    return parser


def _init(args: argparse.Namespace) -> None:
    commands.load_api(args)  # Which loads TensorFlow without what it says.
    from tfmtl.proposal import propose

    labels = [name.strip() for name in args.labels.split(",") if name.strip()]
    text = propose(args.data, labels, model=args.model, rows=args.rows, eval_data=args.eval_data)
    config.load_text(text, source="proposal")
    print(text, end="")


if __name__ == "__main__":
    sys.exit(main())
