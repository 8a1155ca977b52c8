"""A small log of clicks and purchases, and a config that learns from it."""

import os
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest

CONFIG = """
train_input_path: "{data}/train-*.csv"
eval_input_path: "{data}/eval.csv"
model_dir: "{model_dir}"
train_config {{
  optimizer_config {{
    adam_optimizer {{
      learning_rate {{ constant_learning_rate {{ learning_rate: 0.02 }} }}
    }}
  }}
  num_steps: 60
  save_checkpoints_steps: 30
  log_step_count_steps: 20
}}
data_config {{
  with_header: true
  batch_size: 64
  eval_batch_size: 100
  label_fields: "click"
  label_fields: "buy"
  input_fields {{ input_name: "user" }}
  input_fields {{ input_name: "item" }}
  input_fields {{ input_name: "hour" input_type: INT32 }}
  input_fields {{ input_name: "tags" }}
  input_fields {{ input_name: "price" input_type: FLOAT default_val: "10" }}
  input_fields {{ input_name: "click" input_type: INT32 }}
  input_fields {{ input_name: "buy" input_type: INT32 }}
}}
feature_config {{
  features {{ input_names: "user" hash_bucket_size: 50 embedding_dim: 4 }}
  features {{ input_names: "item" vocab_file: "{data}/items.txt" embedding_dim: 4 }}
  features {{ input_names: "hour" num_buckets: 24 embedding_dim: 2 }}
  features {{
    input_names: "tags" feature_type: TagFeature hash_bucket_size: 20 embedding_dim: 4
    combiner: "mean"
  }}
  features {{ input_names: "price" feature_type: RawFeature min_val: 0 max_val: 100 }}
}}
model_config {{
  feature_groups {{
    group_name: "all"
    feature_names: ["user", "item", "hour", "tags", "price"]
  }}
  mmoe {{
    num_expert: 2
    expert_dnn {{ hidden_units: [16, 8] }}
    task_towers {{
      tower_name: "ctr"
      label_name: "click"
      metrics_set {{ auc {{}} }}
      dnn {{ hidden_units: [8] }}
    }}
    task_towers {{
      tower_name: "cvr"
      label_name: "buy"
      metrics_set {{ auc {{}} }}
      metrics_set {{ logloss {{}} }}
      task_space_indicator_label: "click"
      out_task_space_weight: 0
      dnn {{ hidden_units: [8] }}
    }}
  }}
}}
"""


def make_log(rows, seed):
    """Some items are clicked on by most users, and bought if they are cheap."""
    random = np.random.default_rng(seed)
    user, item = random.integers(40, size=rows), random.integers(30, size=rows)
    price = random.uniform(1, 100, size=rows).round(2)
    click = random.random(rows) < np.where(item % 3 == 0, 0.8, 0.1)
    buy = click & (random.random(rows) < np.where(price < 40, 0.8, 0.2))
    tags = ["|".join(f"t{tag}" for tag in random.integers(15, size=n)) for n in user % 4]
    return pd.DataFrame(
        {
            "user": [f"u{each}" for each in user],
            "item": [f"i{each}" for each in item],
            "hour": random.integers(24, size=rows),
            "tags": tags,
            "price": np.where(random.random(rows) < 0.1, np.nan, price),
            "click": click.astype(int),
            "buy": buy.astype(int),
        }
    )


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The folder of the log."""
    folder = tmp_path_factory.mktemp("data")
    for part in range(2):
        make_log(1500, part).to_csv(folder / f"train-{part}.csv", index=False)
    make_log(700, 7).to_csv(folder / "eval.csv", index=False)
    (folder / "items.txt").write_text("".join(f"i{item}\n" for item in range(30)))
    return folder


@pytest.fixture(scope="session")
def make_config(data, tmp_path_factory):
    """Writes a config with a `model_dir` of its own."""

    def make_config(name="tiny.config"):
        folder = tmp_path_factory.mktemp("run")
        path = folder / name
        path.write_text(CONFIG.format(data=data, model_dir=folder / "model"))
        return path

    return make_config


@pytest.fixture(scope="session")
def tfmtl():
    """Runs a command as a user does, in a process of its own."""

    def tfmtl(command, *arguments, check=0, module=True, cwd=None):
        start = [sys.executable, "-m", *([f"tfmtl.{command}"] if module else ["tfmtl", command])]
        done = subprocess.run(
            [*start, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert done.returncode == check, done.stderr
        return done

    return tfmtl


@pytest.fixture(scope="session")
def trained(make_config, tfmtl):
    """A config whose model was trained, into `model/` beside it; and what training said."""
    path = make_config()
    return types.SimpleNamespace(config=path, done=tfmtl("train", "--pipeline_config_path", path))
