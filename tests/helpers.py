"""A small config that works, for tests that change or train it."""

GOOD_CONFIG = """\
train_input_path: "train.csv"
eval_input_path: "test.csv"
model_dir: "model"

train_config {
  optimizer_config {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.01 } } }
  }
  num_steps: 20
  save_checkpoints_steps: 10
  log_step_count_steps: 5
}

data_config {
  batch_size: 6
  separator: ","
  with_header: true
  label_fields: "click"
  label_fields: "buy"
  input_fields { input_name: "user_id" input_type: INT64 }
  input_fields { input_name: "item_id" input_type: STRING }
  input_fields { input_name: "city" input_type: STRING }
  input_fields { input_name: "tags" input_type: STRING }
  input_fields { input_name: "price" input_type: FLOAT }
  input_fields { input_name: "age" input_type: INT32 default_val: "30" }
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "buy" input_type: INT32 }
}

feature_config {
  features { input_names: "user_id" feature_type: IdFeature hash_bucket_size: 11 embedding_dim: 4 }
  features { input_names: "item_id" feature_type: IdFeature hash_bucket_size: 13 embedding_dim: 4 }
  features {
    input_names: "city" feature_type: IdFeature vocab_list: ["oslo", "rome"] embedding_dim: 3
  }
  features { input_names: "tags" feature_type: TagFeature hash_bucket_size: 17 embedding_dim: 4 }
  features { input_names: "price" feature_type: RawFeature min_val: 0 max_val: 9 }
  features {
    input_names: "age" feature_type: RawFeature boundaries: [18, 30, 65] embedding_dim: 2
  }
}

model_config {
  model_class: "MMoE"
  feature_groups {
    group_name: "all"
    feature_names: ["user_id", "item_id", "city", "tags", "price", "age"]
    wide_deep: DEEP
  }
  mmoe {
    expert_dnn { hidden_units: [8, 5] }
    num_expert: 3
    task_towers {
      tower_name: "ctr" label_name: "click" dnn { hidden_units: 7 } metrics_set { auc {} }
    }
    task_towers {
      tower_name: "cvr" label_name: "buy" dnn { hidden_units: 6 } metrics_set { auc {} }
    }
    l2_regularization: 1e-6
  }
  embedding_regularization: 1e-6
}

export_config { exporter_type: "final" }
"""
