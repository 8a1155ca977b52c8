"""What makes vectors of sequences and numbers, exported: the same answers, by plain operations."""

import numpy as np
import pytest
from google.protobuf import text_format
from small_model import build_model
from tensorflow.python.tools import saved_model_utils

from tfmtl.protos.pipeline_pb2 import Pipeline
from tfmtl.serving import export

pytestmark = pytest.mark.slow

ENCODERS = [
    "sequence_encoder { self_attention { num_heads: 2 use_position: true } }",
    "sequence_encoder { gru { units: 5 } }",
    "sequence_encoder { mean {} }",
    "sequence_encoder { max {} }",
    "sequence_combiner { attention {} }",
    "sequence_combiner { text_cnn { filter_sizes: [1, 3] num_filters: [2, 4] } }",
]
SEQUENCE = """
feature_configs {{
  feature_name: "s{index}" input_names: "seen" feature_type: SequenceFeature hash_bucket_size: 13
  embedding_dim: 3 max_seq_len: 4 {encoder}
}}
"""
PIPELINE = """
data_config {
  input_fields { input_name: "seen" }
  input_fields { input_name: "vectors" }
  input_fields { input_name: "price" input_type: FLOAT }
  input_fields { input_name: "click" input_type: INT32 }
  label_fields: "click"
}
feature_configs {
  input_names: "vectors" feature_type: RawFeature raw_input_dim: 2 seq_multi_sep: "#"
  combiner: "max" embedding_dim: 3 numeric_embedding { auto_dis { num_bins: 4 } }
}
feature_configs {
  input_names: "price" feature_type: RawFeature embedding_dim: 3
  numeric_embedding { periodic { num_frequencies: 4 } }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["s[0-5]", "vectors", "price"] }
  simple_multi_task { task_towers { tower_name: "ctr" dnn { hidden_units: 3 use_bn: false } } }
}
"""
ROWS = {
    "seen": np.array([b"a|b", b"", b"a|b|c|d|e|f|g", b"|\xff|"], object),
    "vectors": np.array([b"1|2#3|0", b"", b"x", b"1"], object),
    "price": np.array([0.5, np.nan, np.inf, -3e38], np.float32),
}


def test_the_export_answers_as_the_model_and_has_no_operation_of_some_device(tmp_path):
    features = "".join(
        SEQUENCE.format(index=index, encoder=encoder) for index, encoder in enumerate(ENCODERS)
    )
    pipeline = text_format.Parse(features + PIPELINE, Pipeline())
    # Asks a fresh process, with all rows and with the first alone, and fails if answers differ.
    folder = export(
        directory=tmp_path, pipeline=pipeline, sample_rows=ROWS, **vars(build_model(pipeline))
    )
    graph = saved_model_utils.get_meta_graph_def(str(folder), "serve").graph_def
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    told = {node.op for node in nodes}
    assert not [op for op in told if "cudnn" in op.lower() or "xla" in op.lower()]
    assert {"While", "Sin"} <= told
