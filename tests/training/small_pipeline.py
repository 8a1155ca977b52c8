"""A small pipeline on rows with a planted signal."""

import numpy as np
import pandas as pd
from google.protobuf import text_format

from tfmtl.protos import pipeline_pb2

PIPELINE = """
train_config {
  optimizer_config { adam_optimizer { learning_rate {
    exponential_decay_learning_rate { initial_learning_rate: 0.02 decay_steps: 5 decay_factor: 0.9 }
  } } }
  num_steps: 12
  save_checkpoints_steps: 4
  save_summary_steps: 2
  log_step_count_steps: 3
}
data_config {
  batch_size: 16
  eval_batch_size: 37
  num_epochs: 3
  shuffle: true
  shuffle_buffer_size: 50
  label_fields: "click"
  label_fields: "buy"
  input_fields { input_name: "click" input_type: FLOAT }
  input_fields { input_name: "buy" input_type: FLOAT }
  input_fields { input_name: "user" }
  input_fields { input_name: "tags" }
  input_fields { input_name: "price" input_type: FLOAT }
}
feature_config {
  features { input_names: "user" feature_type: IdFeature embedding_dim: 4 hash_bucket_size: 30 }
  features { input_names: "tags" feature_type: TagFeature embedding_dim: 4 hash_bucket_size: 20 }
  features { input_names: "price" feature_type: RawFeature }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["user", "tags", "price"] wide_deep: DEEP }
  shared_bottom {
    bottom_dnn { hidden_units: 6 dropout_ratio: 0.2 }
    task_towers {
      tower_name: "ctr" label_name: "click"
      metrics_set { auc {} } metrics_set { mean_label {} }
    }
    task_towers {
      tower_name: "cvr" label_name: "buy"
      metrics_set { auc {} } metrics_set { logloss {} }
    }
    l2_regularization: 1e-4
  }
  embedding_regularization: 1e-5
}
export_config { best_exporter_metric: "auc_ctr" }
"""


def make_rows(count, seed):
    """Rows whose clicks depend on price and user; a purchase is known where there was a click."""
    generator = np.random.default_rng(seed)
    user = generator.integers(0, 20, count)
    price = generator.normal(size=count).astype("float32")
    click = generator.random(count) < 1 / (1 + np.exp(-(2 * price + (user % 3) - 1)))
    buy = np.where(click, generator.random(count) < 0.4, np.nan)
    tags = ["|".join(f"t{t}" for t in generator.integers(0, 9, n)) for n in user % 4]
    return pd.DataFrame(
        {
            "click": click.astype("float32"),
            "buy": buy,
            "user": [f"u{u}" for u in user],
            "tags": tags,
            "price": price,
        }
    )


def make_pipeline(directory):
    message = text_format.Parse(PIPELINE, pipeline_pb2.Pipeline())
    message.model_dir = str(directory / "model")
    return message
