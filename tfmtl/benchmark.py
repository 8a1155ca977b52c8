"""`python -m tfmtl.benchmark`: how fast a config reads, encodes and trains, and exports answer."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfmtl import commands, config
from tfmtl.errors import ConfigError
from tfmtl.protos.pipeline_pb2 import Pipeline

_logger = logging.getLogger(__name__)

_NEEDS = ["train_input_path"]
_SECONDS = 10.0

_OF_CONFIGS = ("pipeline_config_path", "model_dir", "seconds", "steps")
_SERVING = ("saved_model_dir", "signatures", "rows", "threads", "clients", "requests")

_SERVING_HEADER = (
    *("signature", "rows", "threads", "clients", "request KB"),
    *("cold ms", "p50", "p90", "p99", "requests/s", "rows/s"),
)

_PARTS = {
    "read": "reading",
    "encode": "reading and encoding",
    "step": "train step on cached batches",
    "train": "training end to end",
}


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
        "--only", type=_parts, default=list(_PARTS), metavar="A,B", help=f"of {', '.join(_PARTS)}"
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
        help="measures how fast exports answer, in TensorFlow's C library alone",
    )
    _add_serving_options(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=float, help=f"to measure each for (default: {_SECONDS:.0f})"
    )
    length.add_argument("--steps", type=int, default=0, help="to measure each for, instead")
    return parser


def _add_serving_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with --serving", "No config is needed.")
    group.add_argument(
        "--saved_model_dir",
        nargs="+",
        metavar="DIR",
        help="exports, side by side: versions, or folders of versions (then the newest)",
    )
    group.add_argument(
        "--signatures",
        type=lambda text: text.split(","),
        metavar="A,B",
        help="of the exports' (default: serving_default, rank and examples)",
    )
    for name, kind, told in (
        ("rows", _counts, "of a request; of rank, candidates of one user (default: 1,100,500)"),
        ("threads", _numbers, "of an operation, and operations at once; 0, the default, is any"),
        ("clients", _counts, "that ask at the same time (default: 1)"),
    ):
        group.add_argument(f"--{name}", type=kind, metavar="N,M", help=told)
    group.add_argument(
        "--requests", type=commands.positive, metavar="N", help="timed of each kind (default: 300)"
    )


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
        if part not in _PARTS:
            raise argparse.ArgumentTypeError(
                f"should be of {', '.join(_PARTS)}; received: {part!r}"
            )
    return parts


def _benchmark(args: argparse.Namespace) -> None:
    if args.serving:
        figures, text = _measure_serving(args)
    else:
        figures, text = _benchmark_config(args)
    print(text)
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


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
        return config.load(path, overrides=commands.edits_of(args), needs=_NEEDS)
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error


def _tell_config(name: str) -> None:
    _logger.info("Building: %s.", name)


def _tell_format(name: str) -> None:
    _logger.info("Writing: %s.", name)


def _tell(part: str) -> None:
    _logger.info("Measuring: %s.", _PARTS[part])


def table(figures: dict[str, Any]) -> str:
    """The figures of `benchmarking.benchmark`, for people."""
    rows = list(_rows(figures))
    names = max(len(name) for name, _ in rows)
    values = max(len(value) for _, value in rows)
    return "\n".join(f"{name:<{names}}  {value:>{values}}".rstrip() for name, value in rows)


def comparison_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `side_by_side.compare`, for people."""
    header = ("config", "in embeddings", "elsewhere", "rows/s", "step time")
    return _aligned([header, *(_comparison_row(each) for each in figures)])


def formats_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `reading_rates.compare_formats`, for people."""
    header = ("format", "MB", "rows/s", "speed")
    return _aligned([header, *(_format_row(each) for each in figures)])


def serving_table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures of `serving.latency.measure`, for people: a table for each export."""
    exports = {each["export"]: each for each in figures}
    first = {_kind(each): each["p50_ms"] for each in reversed(figures)}
    tables = []
    for name, export in exports.items():
        of_export = [each for each in figures if each["export"] == name]
        rows = [_SERVING_HEADER, *map(_serving_row, of_export)]
        if len(exports) > 1:
            relative = [f"{each['p50_ms'] / first[_kind(each)]:.2f}" for each in of_export]
            more = ["relative p50", *relative]
            rows = [(*row, last) for row, last in zip(rows, more, strict=True)]
        tables.append(f"{_export_line(export)}\n{_aligned(rows)}")
    return "\n\n".join(tables)


def _kind(figures: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(figures[name] for name in ("signature", "rows", "threads", "clients"))


def _export_line(figures: dict[str, Any]) -> str:
    memory = figures["memory_bytes"]
    return (
        f"{figures['export']}: {figures['disk_bytes'] / 1e6:,.1f} MB on disk, "
        + (f"{memory / 1e6:,.1f} MB in memory, " if memory else "")
        + f"loads in {figures['load_ms']:,.0f} ms"
    )


def _serving_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        figures["signature"],
        f"{figures['rows']:,}",
        f"{figures['threads'] or 'any'}",
        f"{figures['clients']}",
        f"{figures['request_bytes'] / 1e3:,.1f}",
        f"{figures['cold_ms']:,.1f}",
        *(f"{figures[name]:,.2f}" for name in ("p50_ms", "p90_ms", "p99_ms")),
        f"{figures['requests_per_second']:,.0f}",
        f"{figures['rows_per_second']:,.0f}",
    )


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


def _format_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        figures["format"],
        f"{figures['bytes'] / 1e6:,.1f}",
        f"{figures['rows_per_second']:,.0f}",
        f"{figures['relative_speed']:.2f}",
    )


def _comparison_row(figures: dict[str, Any]) -> tuple[str, ...]:
    return (
        Path(figures["config"]).stem,
        f"{figures['parameters']['embedding']:,}",
        f"{figures['parameters']['dense']:,}",
        f"{figures['rows_per_second']:,.0f}",
        f"{figures['relative_step_time']:.2f}",
    )


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{figures['architecture']}, batches of {figures['batch_size']:,}", ""
    for part, speed in figures["rows_per_second"].items():
        yield _PARTS[part], f"{speed:,.0f} rows/s"
    if figures["seconds_to_first_step"] is not None:
        yield "time to first step", f"{figures['seconds_to_first_step']:.1f} s"
    yield "parameters in embeddings", f"{figures['parameters']['embedding']:,}"
    yield "parameters elsewhere", f"{figures['parameters']['dense']:,}"
    yield "peak memory", f"{figures['peak_memory_bytes'] / 2**20:,.0f} MiB"
    machine = figures["machine"]
    yield f"float32 matmul, {machine['cores']} cores", f"{machine['matmul_gflops']:,.0f} GFLOP/s"


if __name__ == "__main__":
    sys.exit(main())
