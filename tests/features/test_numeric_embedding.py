"""Numbers are embedded as their features ask for, those of one kind by one layer."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.features import Columns, build_groups, build_inputs
from tfmtl.layers import AutoDis, Periodic
from tfmtl.protos.pipeline_pb2 import Pipeline

BINS = "numeric_embedding { auto_dis { num_bins: 5 } }"
CONFIG = """
data_config {
  input_fields { input_name: "price" input_type: FLOAT default_val: "2" }
  input_fields { input_name: "age" input_type: INT32 }
  input_fields { input_name: "vector" }
}
feature_config {
  features {
    input_names: "price" feature_type: RawFeature min_val: 0 max_val: 4 embedding_dim: 3
    numeric_embedding { auto_dis { num_bins: 5 } }
  }
  features {
    input_names: "age" feature_type: RawFeature embedding_dim: 2 numeric_embedding { periodic {} }
  }
  features {
    input_names: "vector" feature_type: RawFeature raw_input_dim: 2 embedding_dim: 3
    combiner: "sum" numeric_embedding { auto_dis { num_bins: 5 } }
  }
  features {
    feature_name: "log" input_names: "price" feature_type: ExprFeature expression: "log1p(price)"
    embedding_dim: 3 numeric_embedding { auto_dis { num_bins: 5 } }
    initializer { constant_initializer { consts: [1, 2, 3] } }
  }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["age", "vector", "price", "log"] }
}
"""
ROWS = {
    "price": np.array([1, np.nan, np.inf, 2], np.float32),
    "age": np.array([7, 0, 2**31 - 1, -1], np.int32),
    "vector": ["1|2", "", "x|2|9", "inf"],
}


@pytest.fixture(scope="module")
def network():
    pipeline = text_format.Parse(CONFIG, Pipeline())
    pipeline.model_config.embedding_regularization = 0.1
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    return columns, keras.Model(inputs, build_groups(pipeline, columns, inputs)["all"].vector)


def answer(network, training=False):
    columns, model = network
    raw = {name: tf.constant(values) for name, values in ROWS.items()}
    return model(columns.encode(raw), training=training).numpy()


def test_numbers_of_one_kind_are_embedded_by_one_layer(network):
    kinds = [each for each in network[1].layers if isinstance(each, AutoDis | Periodic)]
    assert sorted((each.name, list(each.sizes)) for each in kinds) == [
        ("numeric_embeddings/auto_dis_3", ["price", "vector"]),
        ("numeric_embeddings/auto_dis_3_2", ["log"]),
        ("numeric_embeddings/periodic_2", ["age"]),
    ]
    assert network[1].get_layer("numeric_embeddings/auto_dis_3").num_bins == 5


def test_a_group_holds_the_embeddings_of_scaled_numbers_and_of_defaults(network):
    output = answer(network)
    layer = network[1].get_layer("numeric_embeddings/auto_dis_3")
    expected = layer(
        {
            # The default 2 stands for NaN and the infinity, 0 for what a vector lacks.
            "price": np.array([[1], [2], [2], [2]], np.float32) / 4,
            "vector": np.array([[1, 2], [0, 0], [0, 2], [0, 0]], np.float32),
        }
    )
    np.testing.assert_allclose(output[:, 2:5], expected["vector"], rtol=1e-6)
    np.testing.assert_allclose(output[:, 5:8], expected["price"], rtol=1e-6)
    periodic = network[1].get_layer("numeric_embeddings/periodic_2")
    ages = periodic({"age": ROWS["age"].astype("f")[:, None]})
    np.testing.assert_allclose(output[:, :2], ages["age"], rtol=1e-6)
    assert np.isfinite(output).all()


def test_bins_start_as_the_initializer_says(network):
    # Whatever the weights of bins that are all alike, their mean is the same.
    np.testing.assert_allclose(answer(network)[:, 8:], [[1, 2, 3]] * 4, rtol=1e-5)


def test_the_penalty_is_on_the_embeddings(network):
    output = answer(network, training=True)
    np.testing.assert_allclose(network[1].losses, [0.1 * np.sum(output**2) / 2], rtol=1e-5)


@pytest.mark.parametrize(
    "feature",
    ["IdFeature num_buckets: 3 embedding_dim: 2", "SequenceFeature sub_feature_type: RawFeature"],
)
def test_ids_and_sequences_have_none(columns, feature):
    encoder = columns(
        {"x": "STRING"}, f"features {{ input_names: 'x' {BINS} feature_type: {feature} }}"
    )
    assert encoder.features["x"].embedding.numeric is None


def test_it_needs_a_width(columns):
    with pytest.raises(ConfigError) as error:
        columns({"x": "FLOAT"}, f"features {{ input_names: 'x' feature_type: RawFeature {BINS} }}")
    assert str(error.value) == (
        "Feature `x`: `embedding_dim` should be at least 1, because there is a "
        "`numeric_embedding`. Received: 0."
    )
