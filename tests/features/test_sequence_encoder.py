"""A sequence that a group lists is what its encoder makes of it."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.config.rules.widths import feature_widths
from tfmtl.errors import ConfigError
from tfmtl.features import Columns, build_groups, build_inputs, build_wide
from tfmtl.protos.pipeline_pb2 import Pipeline

CONFIG = """
data_config {
  input_fields { input_name: "item" }
  input_fields { input_name: "items" }
  input_fields { input_name: "baskets" }
  input_fields { input_name: "prices" }
}
feature_config {
  features { input_names: "item" hash_bucket_size: 9 embedding_dim: 3 embedding_name: "items" }
  features {
    input_names: "items" feature_type: SequenceFeature hash_bucket_size: 9 embedding_dim: 3
    embedding_name: "items" max_seq_len: 3 ENCODER
  }
  features {
    input_names: "baskets" feature_type: SequenceFeature hash_bucket_size: 9 embedding_dim: 2
    seq_multi_sep: ";" combiner: "mean" sequence_encoder { max {} }
  }
  features {
    input_names: "prices" feature_type: SequenceFeature sub_feature_type: RawFeature
    raw_input_dim: 2 seq_multi_sep: ";" sequence_encoder { mean {} }
  }
}
model_config {
  feature_groups {
    group_name: "all" feature_names: ["items", "item", "baskets", "prices"]
    sequence_features {
      group_name: "seen" seq_att_map { key: "item" hist_seq: "items" }
      seq_dnn { hidden_units: [4, 1] use_bn: false } need_key_feature: false
    }
  }
  feature_groups { group_name: "user" feature_names: "items" }
  simple_multi_task {}
}
"""
ROWS = {
    "item": ["a", "b", "c"],
    "items": ["a|b", "", "a|b|c|a|d"],
    "baskets": ["a;b|c", "", "d"],
    "prices": ["1;2|3", "", "5;6"],
}
ENCODERS = {
    "sequence_encoder { mean {} }": 3,
    "sequence_encoder { max {} }": 3,
    "sequence_encoder { gru { units: 5 } }": 5,
    "sequence_encoder { gru {} }": 3,
    "sequence_encoder { self_attention { num_heads: 2 use_position: true } }": 3,
    "sequence_combiner { attention {} }": 3,
    "sequence_combiner { text_cnn { filter_sizes: [1, 2] num_filters: [2, 4] } }": 6,
}


def make(encoder, suffix=""):
    pipeline = text_format.Parse(CONFIG.replace("ENCODER", encoder), Pipeline())
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    groups = build_groups(pipeline, columns, inputs, suffix)
    return pipeline, columns, keras.Model(inputs, groups)


def answer(columns, model, rows=ROWS):
    encoded = columns.encode({name: tf.constant(cells) for name, cells in rows.items()})
    return {name: group.numpy() for name, group in model(encoded, training=False).items()}


def table(model, width):
    return next(
        each.numpy()
        for each in model.get_layer("embeddings").embedding_variables
        if each.shape[-1] == width
    )


def ids(words):
    return tf.strings.to_hash_bucket_fast(words, 9).numpy()


def test_a_sequence_is_pooled_among_the_features_of_a_group():
    _, columns, model = make("sequence_encoder { mean {} }")
    output, items, baskets = answer(columns, model)["all"], table(model, 3), table(model, 2)
    a, b, c, d = items[ids(["a", "b", "c", "d"])]
    np.testing.assert_allclose(output[:, :3], [(a + b) / 2, 0 * a, (a + b + c) / 3], atol=1e-7)
    np.testing.assert_allclose(output[:, 3:6], [a, b, c], atol=1e-7)
    a, b, c, d = baskets[ids(["a", "b", "c", "d"])]
    largest = [np.maximum((a + b) / 2, c), 0 * a, d]
    np.testing.assert_allclose(output[:, 6:8], largest, atol=1e-7)
    np.testing.assert_allclose(output[:, 8:10], [[2, 1], [0, 0], [5, 6]])


@pytest.fixture(scope="module", params=ENCODERS)
def built(request):
    return ENCODERS[request.param], *make(request.param)


def test_a_sequence_has_the_width_that_the_rules_count_with(built):
    width, pipeline, columns, model = built
    groups = answer(columns, model)
    assert feature_widths(pipeline, "user") == {"items": width}
    assert groups["user"].shape == (3, width)
    assert sum(feature_widths(pipeline, "all").values()) + 3 == groups["all"].shape[1]


def test_groups_share_an_encoder_and_an_empty_sequence_is_zeros(built):
    width, _, columns, model = built
    groups = answer(columns, model)
    np.testing.assert_array_equal(groups["user"], groups["all"][:, :width])
    np.testing.assert_array_equal(groups["user"][1], np.zeros(width))
    assert np.any(groups["user"][0]) and np.any(groups["user"][2])


def test_a_row_is_the_same_beside_longer_ones(built):
    _, _, columns, model = built
    together = answer(columns, model)["all"]
    alone = [
        answer(columns, model, {name: cells[row : row + 1] for name, cells in ROWS.items()})["all"]
        for row in range(3)
    ]
    np.testing.assert_allclose(together, np.vstack(alone), rtol=1e-6, atol=1e-6)


def test_what_is_too_long_is_as_if_it_had_ended_there(built):
    _, _, columns, model = built
    cut = answer(columns, model, {**ROWS, "items": ["a|b", "", "a|b|c"]})
    np.testing.assert_array_equal(answer(columns, model)["all"], cut["all"])


def test_a_suffix_is_another_encoder():
    _, _, model = make("sequence_encoder { gru {} }", "_ctr")
    assert "items/encoder_ctr" in [layer.name for layer in model.layers]


def test_a_sequence_without_encoder_is_no_feature_of_a_group():
    with pytest.raises(ConfigError) as error:
        make("")
    assert str(error.value) == (
        "Feature `items` should have a `sequence_encoder`, because group `all` lists it. "
        "Received: none."
    )


def test_the_wide_part_sums_the_weights_of_the_steps():
    pipeline, columns, _ = make("sequence_encoder { gru {} }")
    inputs = build_inputs(columns)
    model = keras.Model(inputs, build_wide(pipeline, columns, inputs, "all", 2, 0.0, "wide"))
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    weights = model.get_layer("wide/embeddings").weights[0].numpy()
    kernel = model.get_layer("wide/linear").kernel.numpy()
    assert weights.shape == (27, 2)
    items, item, baskets = np.split(weights, 3)  # In the order of the group.
    a, b, c, d = ids(["a", "b", "c", "d"])
    expected = [
        items[a] + items[b] + item[a] + (baskets[a] + baskets[b]) / 2 + baskets[c],
        item[b],
        items[a] + items[b] + items[c] + item[c] + baskets[d],
    ] + np.array([[4, 2], [0, 0], [5, 6]]) @ kernel
    encoded = columns.encode({name: tf.constant(cells) for name, cells in ROWS.items()})
    np.testing.assert_allclose(model(encoded), expected, rtol=1e-5)
