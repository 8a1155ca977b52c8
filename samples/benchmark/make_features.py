"""Makes data and a config of any number of id features, to measure what a feature costs.

    python samples/benchmark/make_features.py --features 500 --width 4 --output data/features_500
    python samples/benchmark/make_features.py --features 20 --width 100 --output data/features_20
    python -m tfmtl.benchmark --pipeline_config_path data/features_20/features.config \
        --against data/features_500/features.config

compares 500 features with 20 whose embeddings are together as wide, and have as many rows. Each
output folder gets `train.csv`, without a header, and `features.config`.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import numpy as np
import pyarrow as pa
from pyarrow import csv

BUCKETS = 500_000  # Of all features together.

CONFIG = """\
train_input_path: "{folder}/train.csv"
model_dir: "experiments/{folder_name}"
train_config {{
  optimizer_config {{
    adam_optimizer {{ learning_rate {{ constant_learning_rate {{ learning_rate: 0.001 }} }} }}
  }}
  num_steps: 500
}}
data_config {{
  input_type: CSVInput
  batch_size: {batch_size}
  label_fields: ["clk", "buy"]
  input_fields {{ input_name: "clk" input_type: INT32 }}
  input_fields {{ input_name: "buy" input_type: INT32 }}
{fields}
}}
feature_config {{
{features}
}}
model_config {{
  feature_groups {{ group_name: "all" feature_names: [{names}] wide_deep: DEEP }}
  shared_bottom {{
    bottom_dnn {{ hidden_units: [256, 128, 64] }}
    task_towers {{ tower_name: "ctr" label_name: "clk" dnn {{ hidden_units: 64 }} }}
    task_towers {{ tower_name: "cvr" label_name: "buy" dnn {{ hidden_units: 64 }} }}
  }}
  embedding_regularization: 1e-6
}}
export_config {{ exporter_type: "none" }}
"""
FIELD = '  input_fields {{ input_name: "{name}" input_type: STRING }}'
FEATURE = (
    '  features {{ input_names: "{name}" feature_type: IdFeature embedding_dim: {width} '
    "hash_bucket_size: {buckets} }}"
)


def make_table(features: int, rows: int, seed: int) -> pa.Table:
    """Rows of two labels and some ids, of which small ones are frequent."""
    rng = np.random.default_rng(seed)
    click = rng.random(rows) < 0.2
    labels = {"clk": click, "buy": click & (rng.random(rows) < 0.3)}
    ids = {
        name: (BUCKETS // features * rng.random(rows) ** 2).astype(np.int32)
        for name in names(features)
    }
    return pa.table({**{name: each.astype(np.int8) for name, each in labels.items()}, **ids})


def make_config(features: int, width: int, batch_size: int, folder: pathlib.Path) -> str:
    """The config of so many features, each so wide."""
    buckets = BUCKETS // features
    return CONFIG.format(
        folder=folder,
        folder_name=folder.name,
        batch_size=batch_size,
        fields="\n".join(FIELD.format(name=name) for name in names(features)),
        features="\n".join(
            FEATURE.format(name=name, width=width, buckets=buckets) for name in names(features)
        ),
        names=", ".join(f'"{name}"' for name in names(features)),
    )


def names(features: int) -> list[str]:
    """The features' names."""
    return [f"id_{number}" for number in range(features)]


def main() -> int:
    """Makes and writes what the command line asks for."""
    parser = argparse.ArgumentParser(description="Makes data and a config of many id features.")
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--width", type=int, default=4, help="of each feature's embedding")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--batch_size", type=int, default=4096)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/features_500"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    without_header = csv.WriteOptions(include_header=False, quoting_style="none")
    table = make_table(options.features, options.rows, options.seed)
    csv.write_csv(table, options.output / "train.csv", without_header)
    config = make_config(options.features, options.width, options.batch_size, options.output)
    (options.output / "features.config").write_text(config, encoding="utf-8")
    print(f"Wrote {options.output}/train.csv, {options.rows:,} rows, and features.config")
    return 0


if __name__ == "__main__":
    sys.exit(main())
