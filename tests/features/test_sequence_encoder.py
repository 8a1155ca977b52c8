"""A sequence that a group lists is what its encoder makes of it."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.config.rules.widths import feature_widths
from tfmtl.features import Columns, build_groups, build_inputs, build_wide
from tfmtl.protos.pipeline_pb2 import Pipeline

# Each with the width of what it makes of steps that are 3 wide.
ENCODERS = {
    "mean": ("sequence_encoder { mean {} }", 3),
    "max": ("sequence_encoder { max {} }", 3),
    "gru": ("sequence_encoder { gru { units: 5 } }", 5),
    "gru_of_width": ("sequence_encoder { gru {} }", 3),
    "transformer": ("sequence_encoder { self_attention { num_heads: 2 use_position: true } }", 3),
    "attention": ("sequence_combiner { attention {} }", 3),
    "cnn": ("sequence_combiner { text_cnn { filter_sizes: [1, 2] num_filters: [2, 4] } }", 6),
    "cnn_mlp": (
        "sequence_combiner { text_cnn { filter_sizes: 2 num_filters: 3 mlp { hidden_units: [5, 4] "
        "activation: 'tanh' use_final_bias: true } } }",
        4,
    ),
}
SEQUENCE = """
  features {
    feature_name: "%s" input_names: "items" feature_type: SequenceFeature hash_bucket_size: 9
    embedding_dim: 3 embedding_name: "items" max_seq_len: 3 %s
  }
"""
CONFIG = """
data_config {
  input_fields { input_name: "item" }
  input_fields { input_name: "items" }
  input_fields { input_name: "baskets" }
  input_fields { input_name: "prices" }
}
feature_config {
  features { input_names: "item" hash_bucket_size: 9 embedding_dim: 3 embedding_name: "items" }
  SEQUENCES
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
    group_name: "all" feature_names: ["mean", "item", "baskets", "prices"]
    sequence_features {
      group_name: "seen" seq_att_map { key: "item" hist_seq: "mean" }
      seq_dnn { hidden_units: [4, 1] use_bn: false } need_key_feature: false
    }
  }
  feature_groups { group_name: "encoded" feature_names: [NAMES] }
  simple_multi_task {}
}
"""
ROWS = {
    "item": ["a", "b", "c"],
    "items": ["a|b", "", "a|b|c|a|d"],
    "baskets": ["a;b|c", "", "d"],
    "prices": ["1;2|3", "", "5;6"],
}


def make(encoders=ENCODERS, suffix=""):
    sequences = [SEQUENCE % (name, encoder) for name, (encoder, _) in encoders.items()]
    names = ", ".join(f"'{name}'" for name in encoders)
    text = CONFIG.replace("SEQUENCES", "".join(sequences)).replace("NAMES", names)
    pipeline = text_format.Parse(text, Pipeline())
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    groups = build_groups(pipeline, columns, inputs, suffix)
    model = keras.Model(inputs, {name: each.vector for name, each in groups.items()})
    # Above 0, biases too: no relu is 0 but where there is no step.
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.1, 1.0, each.shape) for each in model.weights])
    return pipeline, columns, model


@pytest.fixture(scope="module")
def built():
    return make()


def answer(built, rows=ROWS):
    _, columns, model = built
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


def test_a_sequence_is_pooled_among_the_features_of_a_group(built):
    output, items, baskets = answer(built)["all"], table(built[2], 3), table(built[2], 2)
    a, b, c, d = items[ids(["a", "b", "c", "d"])]
    np.testing.assert_allclose(output[:, :3], [(a + b) / 2, 0 * a, (a + b + c) / 3], atol=1e-7)
    np.testing.assert_allclose(output[:, 3:6], [a, b, c], atol=1e-7)
    a, b, c, d = baskets[ids(["a", "b", "c", "d"])]
    largest = [np.maximum((a + b) / 2, c), 0 * a, d]
    np.testing.assert_allclose(output[:, 6:8], largest, atol=1e-7)
    np.testing.assert_allclose(output[:, 8:10], [[2, 1], [0, 0], [5, 6]])


def test_a_group_has_the_widths_that_the_rules_count_with(built):
    pipeline, _, model = built
    widths = {name: width for name, (_, width) in ENCODERS.items()}
    assert feature_widths(pipeline, "encoded") == widths
    groups = {name: group.shape[1] for name, group in model.output.items()}
    attention = 3
    assert groups == {
        "all": sum(feature_widths(pipeline, "all").values()) + attention,
        "encoded": sum(widths.values()),
    }


def test_an_empty_sequence_is_zeros_and_no_other_is(built):
    encoded = answer(built)["encoded"]
    parts = np.split(encoded, np.cumsum([width for _, width in ENCODERS.values()])[:-1], axis=1)
    for name, part in zip(ENCODERS, parts, strict=True):
        assert np.any(part, axis=1).tolist() == [True, False, True], name


def test_groups_share_an_encoder(built):
    groups = answer(built)
    np.testing.assert_array_equal(groups["encoded"][:, :3], groups["all"][:, :3])


def test_a_row_is_the_same_beside_longer_ones_and_as_if_it_had_ended_where_it_is_cut(built):
    together = answer(built)
    alone = answer(built, {name: cells[:1] for name, cells in ROWS.items()})
    cut = answer(built, {**ROWS, "items": ["a|b", "", "a|b|c"]})
    for name, group in together.items():
        np.testing.assert_allclose(group[:1], alone[name], rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(group, cut[name])


def test_a_suffix_is_another_encoder():
    _, _, model = make({"mean": ENCODERS["mean"]}, "_ctr")
    assert "mean/encoder_ctr" in [layer.name for layer in model.layers]


def test_the_wide_part_sums_the_weights_of_the_steps(built):
    pipeline, columns, _ = built
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
