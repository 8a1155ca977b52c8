"""A million words in a file and a million buckets travel beside the graph, and once each."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

import tfmtl
from tfmtl.protos.pipeline_pb2 import Pipeline

pytestmark = pytest.mark.slow

MANY = 1_000_000
CONFIG = """
train_config {
  optimizer_config {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.02 } } }
  }
  num_steps: 3
}
data_config {
  batch_size: 8
  label_fields: "click"
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "word" }
  input_fields { input_name: "words" }
  input_fields { input_name: "user" }
}
feature_config {
  features { input_names: "word" vocab_file: "FILE" embedding_dim: 2 }
  features { input_names: "words" feature_type: TagFeature vocab_file: "FILE" embedding_dim: 2 }
  features { input_names: "user" hash_bucket_size: 1000000 embedding_dim: 2 }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["word", "words", "user"] }
  shared_bottom {
    bottom_dnn { hidden_units: 3 }
    task_towers { tower_name: "ctr" label_name: "click" }
  }
}
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The result of a training, its vocabulary file and its export."""
    import pandas as pd

    folder = tmp_path_factory.mktemp("large")
    words = folder / "words.txt"
    words.write_text("".join(f"w{number}\n" for number in range(MANY)))
    pipeline = text_format.Parse(CONFIG.replace("FILE", str(words)), Pipeline())
    pipeline.model_dir = str(folder / "model")
    last = f"w{MANY - 1}"
    rows = pd.DataFrame(
        {
            "click": [0, 1, 0, 1] * 6,
            "word": ["w0", last, "w5", "strange"] * 6,
            "words": [f"w1|{last}", "", "w7", "w2|w3"] * 6,
            "user": [f"u{number}" for number in range(24)],
        }
    )
    result = tfmtl.train(pipeline, rows, None)
    (version,) = pathlib.Path(pipeline.model_dir, "export", "final").glob("[0-9]*")
    return result, words, version


def test_the_graph_is_small_and_holds_no_words(exported):
    _, _, version = exported
    graph = (version / "saved_model.pb").read_bytes()
    assert len(graph) < 500_000
    assert b"w999999" not in graph


def test_a_vocabulary_is_one_asset_however_many_features_read_it(exported):
    _, words, version = exported
    (asset,) = [each for each in (version / "assets").iterdir() if each.suffix == ".txt"]
    assert asset.read_bytes() == words.read_bytes()


def test_all_tables_are_one_variable_that_is_stored_once(exported):
    result, _, version = exported
    variables = tf.train.list_variables(str(version / "variables" / "variables"))
    numbers = {name: int(np.prod(shape)) for name, shape in variables}
    (storage,) = result.model.embedding_variables()
    assert storage.shape == [3 * MANY, 2]
    assert [count for count in numbers.values() if count > 1000] == [3 * MANY * 2]
    size = sum(file.stat().st_size for file in (version / "variables").iterdir())
    assert size < 1.01 * 3 * MANY * 2 * 4


def test_the_last_word_has_the_last_row(exported):
    result, _, version = exported
    raw = {"word": [f"w{MANY - 1}"], "words": [""], "user": [""]}
    encoded = result.columns.encode({name: tf.constant(value) for name, value in raw.items()})
    assert encoded["word"].numpy() == [MANY - 1]
    expected = tf.sigmoid(result.model.network(encoded)["ctr"])[:, 0]
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]
    served = signature(**{name: tf.constant(value) for name, value in raw.items()})
    np.testing.assert_allclose(served["probs_ctr"], expected, rtol=1e-6)
