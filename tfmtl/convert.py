"""`python -m tfmtl.convert`: writes data as Parquet or TFRecord, perhaps encoded."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from tfmtl import commands

READS = {"parquet": "ParquetInputV2", "tfrecord": "TFRecordInput"}  # The `input_type` of each.
_UNPACKED = "none"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    return commands.run(_convert, _parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = commands.new_parser(
        "convert",
        "Writes data as Parquet or TFRecord, with the columns that the config declares, or with "
        "its features encoded.",
    )
    commands.add_config_options(parser)
    commands.add_input_option(parser)
    parser.add_argument(
        "--output_path",
        type=commands.new_path,
        required=True,
        metavar="DIR",
        help="the folder to write, new or empty",
    )
    parser.add_argument(
        "--format", choices=list(READS), default="parquet", help="of the files (default: parquet)"
    )
    parser.add_argument(
        "--encoded",
        action="store_true",
        help="write the features' ids and numbers instead of the columns that they are made of",
    )
    parser.add_argument(
        "--reserved_cols",
        default="",
        metavar="A,B",
        help="columns to write as they are beside encoded features, more than the config needs",
    )
    parser.add_argument(
        "--compression",
        default="",
        metavar="KIND",
        help="zstd, snappy, gzip or none of Parquet (default: zstd; encoded, snappy); GZIP, ZLIB "
        "or none of TFRecord (default: GZIP)",
    )
    parser.add_argument(
        "--rows_per_file",
        type=commands.positive,
        default=1 << 20,
        metavar="N",
        help="rows of a file, about (default: 1048576)",
    )
    return parser


def _convert(args: argparse.Namespace) -> None:
    pipeline = commands.load_pipeline(args, needs=())
    api = commands.load_api(args)
    started = time.monotonic()
    written = api.convert(
        pipeline,
        ",".join(args.input_path),
        args.output_path,
        kind=args.format,
        encoded=args.encoded,
        reserved=[name for name in args.reserved_cols.split(",") if name],
        compression=args.compression,
        file_rows=args.rows_per_file,
    )
    seconds = time.monotonic() - started
    print(f"{written.rows:,} rows in {written.files:,} files, in {seconds:.1f} s.")
    print(f"Read them with: {_settings(args)}")


def _settings(args: argparse.Namespace) -> str:
    """The options of other commands that read what was written."""
    settings = [f"--set data_config.input_type={READS[args.format]}"]
    if args.format == "tfrecord":
        packing = args.compression or "GZIP"
        settings.append(
            f"--set data_config.data_compression_type={'' if packing == _UNPACKED else packing}"
        )
    return " ".join([*settings, f"--train_input_path {args.output_path}"])


if __name__ == "__main__":
    sys.exit(main())
