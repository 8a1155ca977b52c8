"""Makes data and a config of a ranking model, to measure what an answer costs.

    python samples/benchmark/make_ranking.py --output data/ranking
    python -m tfmtl.train --pipeline_config_path data/ranking/ranking.config
    python -m tfmtl.benchmark --serving --saved_model_dir experiments/ranking/export/final

25 features of the user and a sequence of 50 items that the user saw, 8 features and 10 numbers of
each candidate, embeddings of width 16, a bottom of 256-128 and two towers. The output folder gets
`train.csv`, without a header, and `ranking.config`. With `--buckets 1000000` the tables are what
counts.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyarrow import csv

USER, ITEM, NUMBERS = 25, 8, 10  # Features.
STEPS = 50  # Of the sequence.
SEEN = "seen"  # Items that the user saw: the sequence's name.
WIDTH = 16

CONFIG = """\
train_input_path: "{folder}/train.csv"
eval_input_path: "{folder}/train.csv"
model_dir: "experiments/{folder_name}"
train_config {{
  optimizer_config {{
    adam_optimizer {{ learning_rate {{ constant_learning_rate {{ learning_rate: 0.001 }} }} }}
  }}
}}
data_config {{
  input_type: CSVInput
  batch_size: 512
  num_epochs: 1
  label_fields: ["click", "buy"]
  input_fields {{ input_name: "click" input_type: INT32 }}
  input_fields {{ input_name: "buy" input_type: INT32 }}
{fields}
}}
feature_config {{
{features}
}}
model_config {{
  feature_groups {{ group_name: "all" feature_names: [{names}] wide_deep: DEEP }}
  shared_bottom {{
    bottom_dnn {{ hidden_units: [256, 128] }}
    task_towers {{ tower_name: "ctr" label_name: "click" dnn {{ hidden_units: 64 }} }}
    task_towers {{ tower_name: "cvr" label_name: "buy" dnn {{ hidden_units: 64 }} }}
  }}
}}
"""
ID = (
    '  features {{ input_names: "{name}" feature_type: IdFeature embedding_dim: {width} '
    "hash_bucket_size: {buckets} side: {side} }}"
)
SEQUENCE = (
    '  features {{ input_names: "{name}" feature_type: SequenceFeature embedding_dim: {width} '
    'hash_bucket_size: {buckets} side: USER separator: "|" max_seq_len: {steps} '
    "sequence_encoder {{ mean {{}} }} }}"
)
NUMBER = '  features {{ input_names: "{name}" feature_type: RawFeature side: ITEM }}'


def make_table(rows: int, ids: int, seed: int) -> pa.Table:
    """Rows of two labels, ids of which small ones are frequent, lists of ids, and numbers."""
    rng = np.random.default_rng(seed)
    click = rng.random(rows) < 0.2
    drawn = {name: (ids * rng.random(rows) ** 2).astype(np.int64) for name in id_names()}
    seen = (ids * rng.random((rows, STEPS)) ** 2).astype(np.int64)
    return pa.table(
        {
            "click": click.astype(np.int8),
            "buy": (click & (rng.random(rows) < 0.3)).astype(np.int8),
            **{name: [f"{name}_{each}" for each in column] for name, column in drawn.items()},
            SEEN: ["|".join(f"item_0_{each}" for each in row) for row in seen],
            **{name: rng.random(rows).astype(np.float32) for name in number_names()},
        }
    )


def make_config(buckets: int, folder: pathlib.Path) -> str:
    """The config, each of whose tables has so many rows."""
    names = [*id_names(), SEEN, *number_names()]
    return CONFIG.format(
        folder=folder,
        folder_name=folder.name,
        fields="\n".join(fields()),
        features="\n".join(features(buckets)),
        names=", ".join(f'"{name}"' for name in names),
    )


def fields() -> Iterator[str]:
    """The columns, in the order of the table."""
    for name in [*id_names(), SEEN]:
        yield f'  input_fields {{ input_name: "{name}" input_type: STRING }}'
    for name in number_names():
        yield f'  input_fields {{ input_name: "{name}" input_type: FLOAT }}'


def features(buckets: int) -> Iterator[str]:
    """The features, each with its side."""
    for name in id_names():
        side = "USER" if name.startswith("user") else "ITEM"
        yield ID.format(name=name, width=WIDTH, buckets=buckets, side=side)
    yield SEQUENCE.format(name=SEEN, width=WIDTH, buckets=buckets, steps=STEPS)
    yield from (NUMBER.format(name=name) for name in number_names())


def id_names() -> list[str]:
    """Features of the user, then of candidates."""
    return [f"user_{index}" for index in range(USER)] + [f"item_{index}" for index in range(ITEM)]


def number_names() -> list[str]:
    """Numbers of candidates."""
    return [f"number_{index}" for index in range(NUMBERS)]


def main() -> int:
    """Makes and writes what the command line asks for."""
    parser = argparse.ArgumentParser(description="Makes data and a config of a ranking model.")
    parser.add_argument("--buckets", type=int, default=10_000, help="rows of each table")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/ranking"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    without_header = csv.WriteOptions(include_header=False, quoting_style="none")
    table = make_table(options.rows, options.buckets, options.seed)
    csv.write_csv(table, options.output / "train.csv", without_header)
    config = make_config(options.buckets, options.output)
    (options.output / "ranking.config").write_text(config, encoding="utf-8")
    print(f"Wrote {options.output}/train.csv, {options.rows:,} rows, and ranking.config")
    return 0


if __name__ == "__main__":
    sys.exit(main())
