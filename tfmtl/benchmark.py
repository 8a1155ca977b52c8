"""`python -m tfmtl.benchmark`: how fast a config reads, encodes and trains, and exports answer."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfmtl import commands, config
from tfmtl.benchmark_tables import (
    PARTS,
    comparison_table,
    formats_table,
    serving_table,
    table,
)
from tfmtl.edits import edits_of
from tfmtl.errors import ConfigError
from tfmtl.protos.pipeline_pb2 import Pipeline

_logger = logging.getLogger("tfmtl.benchmark")  # Not `__main__`, whose lines are not shown.

_NEEDS = ["train_input_path"]
_SECONDS = 10.0

_OF_CONFIGS = (
    *("pipeline_config_path", "model_dir", "train_input_path", "eval_input_path"),
    *("edit_config_json", "set", "seconds", "steps"),
)
_SERVING = ("saved_model_dir", "signatures", "rows", "threads", "clients", "requests", "roads")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_benchmark, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "benchmark",
        "Measures how fast a config reads, encodes and trains, or exports answer; writes nothing.",
    )
    commands.add_config_options(parser)
    parser.add_argument(
        "--json", type=commands.new_path, metavar="FILE", help="where to write the figures"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--only", type=_parts, default=list(PARTS), metavar="A,B", help=f"of {', '.join(PARTS)}"
    )
    what.add_argument(
        "--against",
        nargs="+",
        metavar="FILE",
        help="other configs: compares the train steps of all on cached batches, side by side",
    )
    what.add_argument(
        "--formats",
        action="store_true",
        help="compares reading and encoding of the training data as it is, and as Parquet, "
        "TFRecord and encoded Parquet, which are written to a temporary folder",
    )
    what.add_argument(
        "--serving",
        action="store_true",
        help="measures how fast exports answer, in TensorFlow's C library alone and through the "
        "development server",
    )
    _add_serving_options(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=_seconds, help=f"to measure each for (default: {_SECONDS:.0f})"
    )
    length.add_argument(
        "--steps", type=commands.positive, default=0, help="to measure each for, instead"
    )
    return parser


def _add_serving_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with --serving", "No config is needed.")
    group.add_argument(
        "--saved_model_dir",
        nargs="+",
        metavar="DIR",
        help="exports, side by side: versions, or folders of versions (then the newest)",
    )
    for name, told in (
        ("signatures", "of the exports' (default: serving_default, rank and examples)"),
        ("roads", "of c_runtime, grpc and rest; the last two are the server's (default: all)"),
    ):
        group.add_argument(f"--{name}", type=lambda text: text.split(","), metavar="A,B", help=told)
    for name, kind, told in (
        ("rows", _counts, "of a request; of rank, candidates of one user (default: 1,100,500)"),
        ("threads", _numbers, "of an operation, and operations at once; 0, the default, is any"),
        ("clients", _counts, "that ask at the same time (default: 1)"),
    ):
        group.add_argument(f"--{name}", type=kind, metavar="N,M", help=told)
    group.add_argument(
        "--requests", type=commands.positive, metavar="N", help="timed of each kind (default: 300)"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"should be a number above 0; received: {text!r}")
    return seconds


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"should be whole numbers, as 1,100; received: {text!r}")
    return [int(part) for part in parts]


def _counts(text: str) -> list[int]:
    return [commands.positive(str(each)) for each in _numbers(text)]


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    for part in parts:
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"should be of {', '.join(PARTS)}; received: {part!r}")
    return parts


def _benchmark(args: argparse.Namespace) -> None:
    if args.serving:
        figures, text = _measure_serving(args)
    else:
        figures, text = _benchmark_config(args)
    print(text)
    if args.json:
        config.write_text(json.dumps(figures, indent=2) + "\n", args.json)


def _benchmark_config(args: argparse.Namespace) -> tuple[Any, str]:
    if given := [name for name in _SERVING if getattr(args, name)]:
        raise ConfigError([f"`--{given[0]}` should be given with `--serving`."])
    args.seconds = args.seconds or _SECONDS
    pipeline = commands.load_pipeline(args, _NEEDS)
    if args.against:
        return _compare(args, pipeline)
    if args.formats:
        return _compare_formats(args, pipeline)
    return _measure(args, pipeline)


def _measure(args: argparse.Namespace, pipeline: Pipeline) -> tuple[Any, str]:
    commands.load_api(args)
    from tfmtl.benchmarking import benchmark  # Loads TensorFlow.

    figures = benchmark(pipeline, args.only, args.steps, args.seconds, _tell)
    return figures, table(figures)


def _compare(args: argparse.Namespace, pipeline: Pipeline) -> tuple[Any, str]:
    others = {path: _load_other(path, args) for path in args.against}
    commands.load_api(args)
    from tfmtl.side_by_side import compare  # Loads TensorFlow.

    first = args.pipeline_config_path or args.model_dir
    figures = compare({first: pipeline, **others}, args.steps, args.seconds, _tell_config)
    return figures, comparison_table(figures)


def _compare_formats(args: argparse.Namespace, pipeline: Pipeline) -> tuple[Any, str]:
    commands.load_api(args)
    from tfmtl.reading_rates import compare_formats  # Loads TensorFlow.

    figures = compare_formats(pipeline, args.steps, args.seconds, _tell_format)
    return figures, formats_table(figures)


def _measure_serving(args: argparse.Namespace) -> tuple[Any, str]:
    if not args.saved_model_dir:
        raise ConfigError(["`--serving` needs an export: --saved_model_dir DIR."])
    if given := [name for name in _OF_CONFIGS if getattr(args, name)]:
        raise ConfigError([f"`--{given[0]}` should not be given with `--serving`."])
    settings = {name: value for name in _SERVING[1:] if (value := getattr(args, name))}
    serving = commands.load_api(args).serving
    from tfmtl.serving.latency import ROUNDS, measure  # Loads TensorFlow.

    exports = [serving.find_export(Path(each)) for each in dict.fromkeys(args.saved_model_dir)]
    figures = measure(
        exports,
        **settings,
        on_round=lambda number: _logger.info("Measuring: round %d of %d.", number + 1, ROUNDS),
    )
    return figures, serving_table(figures)


def _load_other(path: str, args: argparse.Namespace) -> Pipeline:
    """A config to compare with; its problems name the file, as there are several."""
    try:
        return config.load(path, overrides=edits_of(args), needs=_NEEDS)
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error


def _tell_config(name: str) -> None:
    _logger.info("Building: %s.", name)


def _tell_format(name: str) -> None:
    _logger.info("Writing: %s.", name)


def _tell(part: str) -> None:
    _logger.info("Measuring: %s.", PARTS[part])


if __name__ == "__main__":
    sys.exit(main())
