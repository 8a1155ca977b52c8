"""Six rows with a teacher's labels, and a task of the loss that a test gives it."""

import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from tfmtl import config
from tfmtl.protos import pipeline_pb2
from tfmtl.tasks import build_task

NAN = float("nan")
DATA = """
data_config {
  input_fields { input_name: "click" input_type: FLOAT }
  input_fields { input_name: "buy" input_type: FLOAT }
  input_fields { input_name: "teacher" input_type: FLOAT }
  input_fields { input_name: "user_id" input_type: STRING }
  input_fields { input_name: "page" input_type: STRING }
  label_fields: ["click", "buy", "teacher"]
}
feature_config { features { feature_name: "user" input_names: "user_id" } }
"""
TARGETS = {
    "click": tf.constant([1.0, 0.0, 1.0, 0.0, 1.0, NAN]),
    "buy": tf.constant([0.0, 1.0, 0.0, 0.0, 1.0, 1.0]),
    "teacher": tf.constant([0.9, 0.2, 0.4, NAN, 0.7, 0.6]),
    "user_id": tf.constant(["a", "b", "a", "a", "b", "a"]),
    "page": tf.constant(["x", "y", "x", "x", "x", "y"]),
}
LOGITS = tf.constant(np.random.default_rng(4).normal(size=(6, 3)), tf.float32)
LABEL, WEIGHT = tf.constant([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), tf.constant([1.0, 1, 1, 1, 1, 0])


def build(tower, model=""):
    text = f'{DATA} model_config {{ simple_multi_task {{ task_towers {{ tower_name: "ctr" {tower}'
    parsed = text_format.Parse(f"{text} }} }} {model} }}", pipeline_pb2.Pipeline())
    return build_task(config.towers(parsed)[0], parsed)
