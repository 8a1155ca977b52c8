"""`python -m tfmtl.predict`: scores the rows of files with an exported model."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tfmtl import commands, config
from tfmtl.edits import edits_of
from tfmtl.errors import ConfigError
from tfmtl.protos.dataset_pb2 import DatasetConfig
from tfmtl.protos.pipeline_pb2 import Pipeline

ALL_COLUMNS = "ALL_COLUMNS"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_predict, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser("predict", "Scores the rows of files with an exported model.")
    parser.add_argument(
        "--saved_model_dir",
        "--export_dir",
        metavar="DIR",
        help="an exported model, or the folder of its versions, of which the newest is taken; "
        "without it, the newest export in the config's model_dir",
    )
    commands.add_config_options(parser)
    commands.add_input_option(parser)
    parser.add_argument(
        "--output_path",
        type=commands.new_path,
        required=True,
        metavar="FILE",
        help="ends in .csv, .csv.gz or .parquet",
    )
    parser.add_argument(
        "--reserved_cols",
        default=ALL_COLUMNS,
        metavar="A,B",
        help="input columns to write, too (default: all that the data has; '' for none)",
    )
    parser.add_argument(
        "--output_cols",
        default=ALL_COLUMNS,
        metavar="A,B",
        help="predictions to write (default: all of them)",
    )
    parser.add_argument(
        "--score_weights",
        nargs="+",
        type=_weight,
        default=[],
        metavar="NAME=NUMBER",
        help="values of weights of the model's score, other than their defaults",
    )
    parser.add_argument("--batch_size", type=commands.positive, default=4096, metavar="N")
    parser.add_argument(
        "--with_header",
        action=argparse.BooleanOptionalAction,
        help="whether the files have a header, if other than the training data",
    )
    parser.add_argument("--separator", help="of the files, if other than the training data's")
    return parser


def _weight(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"should be NAME=NUMBER; received: {text}") from None


def _predict(args: argparse.Namespace) -> None:
    api = commands.load_api(args)
    directory = args.saved_model_dir or _newest_export(args)
    predictor = api.Predictor(directory, args.batch_size, dict(args.score_weights))
    started = time.monotonic()
    rows = api.score_files(
        predictor,
        ",".join(args.input_path),
        Path(args.output_path),
        reserved=_names(args.reserved_cols),
        outputs=_names(args.output_cols),
        data_config=_data_config(args, predictor.pipeline),
    )
    seconds = time.monotonic() - started
    print(f"{rows:,} rows scored in {seconds:.1f} s. Written: {args.output_path}")


def _newest_export(args: argparse.Namespace) -> Path:
    """The folder of versions that has the newest export of a config's model."""
    from tfmtl.serving.versions import versions  # Loads TensorFlow.

    exports = Path(commands.load_pipeline(args, ["model_dir"]).model_dir, "export")
    # By numbers, which are times: a folder's own is that of what is only being written in it, too.
    found = [version for kind in exports.glob("*") for version in versions(kind)]
    newest = max(found, key=lambda version: int(version.name), default=None)
    return newest.parent if newest else exports


def _names(text: str) -> list[str] | None:
    """`A,B` as a list, ALL_COLUMNS as None. EasyRec's `A float,B float` is taken, too."""
    if text == ALL_COLUMNS:
        return None
    return [name.split()[0] for name in text.split(",") if name.strip()]


def _data_config(args: argparse.Namespace, exported: Pipeline) -> DatasetConfig:
    """How to read the files: as the export's config says, with the changes asked for."""
    pipeline = Pipeline()
    pipeline.CopyFrom(exported)
    problems = config.override(pipeline, edits_of(args))
    if problems:
        raise ConfigError(problems)
    if args.with_header is not None:
        pipeline.data_config.with_header = args.with_header
    if args.separator is not None:
        pipeline.data_config.separator = args.separator
    return pipeline.data_config


if __name__ == "__main__":
    sys.exit(main())
