"""Attention in a group: what is compared with what, and in which widths."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tfmtl.errors import ConfigError
from tfmtl.features import Columns, build_groups, build_inputs
from tfmtl.protos.pipeline_pb2 import Pipeline

CONFIG = """
data_config {
  input_fields { input_name: "item" }
  input_fields { input_name: "shop" }
  input_fields { input_name: "items" }
  input_fields { input_name: "shops" }
  input_fields { input_name: "prices" }
}
feature_config {
  features { input_names: "item" hash_bucket_size: 9 embedding_dim: 3 embedding_name: "items" }
  features { input_names: "shop" hash_bucket_size: 5 embedding_dim: 2 }
  features {
    input_names: "items" feature_type: SequenceFeature hash_bucket_size: 9 embedding_dim: 3
    embedding_name: "items"
  }
  features {
    input_names: "shops" feature_type: SequenceFeature hash_bucket_size: 5 embedding_dim: 2
  }
  features {
    input_names: "prices" feature_type: SequenceFeature sub_feature_type: RawFeature
    embedding_dim: 2
  }
}
model_config { feature_groups { group_name: "all" feature_names: ["shop"] ATTENTION } }
"""
ROWS = {
    "item": ["a", "b", ""],
    "shop": ["x", "y", "z"],
    "items": ["a|b|c", "", "c"],
    "shops": ["x|y|z", "", "y"],
    "prices": ["1|2|3", "", "4"],
}
DNN = "seq_dnn { hidden_units: [4, 1] activation: 'sigmoid' use_bn: false }"


def make(attention):
    text = CONFIG.replace("ATTENTION", f"sequence_features {{ group_name: 'seen' {attention} }}")
    pipeline = text_format.Parse(text, Pipeline())
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    groups = build_groups(pipeline, columns, inputs)
    return columns, keras.Model(inputs, groups["all"].vector)


def answer(attention, rows=ROWS):
    columns, model = make(attention)
    encoded = columns.encode({name: tf.constant(cells) for name, cells in rows.items()})
    return model, model(encoded, training=False).numpy(), encoded


def embedded(model, encoded, name):
    lookup = model.get_layer("embeddings")
    return lookup(
        {key: encoded[key] for key in ("item", "items", "shop", "shops") if key in encoded}
    )[name]


def attended(layer, target, steps, values):
    """The formula, row by row; steps and values are lists of arrays."""
    w1, b1, w2, b2 = (weight.numpy() for weight in layer.weights)
    sums = []
    for q, h, v in zip(target, steps, values, strict=True):
        q = np.tile(q, (len(h), 1))
        hidden = 1 / (1 + np.exp(-(np.hstack([q, h, q - h, q * h]) @ w1 + b1)))
        raised = np.exp(hidden @ w2 + b2)
        sums.append((raised / raised.sum() * v).sum(axis=0))
    return np.array(sums)


def rows_of(ragged):
    return [row.numpy() for row in ragged]


def test_the_sum_of_steps_stands_behind_the_group_and_then_the_target():
    model, output, encoded = answer(f"seq_att_map {{ key: 'item' hist_seq: 'items' }} {DNN}")
    target = embedded(model, encoded, "item").numpy()
    steps = rows_of(embedded(model, encoded, "items"))
    layer = model.get_layer("group/all/seen/attention")
    expected = attended(layer, target, steps, steps)
    shop = embedded(model, encoded, "shop")
    np.testing.assert_allclose(output, np.hstack([shop, expected, target]), rtol=1e-4, atol=1e-6)


def test_a_target_and_its_sequence_may_share_a_table():
    model, _, encoded = answer(f"seq_att_map {{ key: 'item' hist_seq: 'items' }} {DNN}")
    target, steps = (embedded(model, encoded, name) for name in ("item", "items"))
    np.testing.assert_array_equal(target[0], steps[0][0])  # Of `a`.


def test_several_features_are_compared_side_by_side_and_the_target_may_be_left_out():
    both = "seq_att_map { key: ['item', 'shop'] hist_seq: ['items', 'shops'] }"
    model, output, encoded = answer(f"{both} {DNN} need_key_feature: false")
    parts = {name: embedded(model, encoded, name) for name in ("item", "shop", "items", "shops")}
    target = np.hstack([parts["item"], parts["shop"]])
    steps = [
        np.hstack(pair)
        for pair in zip(rows_of(parts["items"]), rows_of(parts["shops"]), strict=True)
    ]
    expected = attended(model.get_layer("group/all/seen/attention"), target, steps, steps)
    assert output.shape == (3, 2 + 5)
    np.testing.assert_allclose(output[:, 2:], expected, rtol=1e-4, atol=1e-6)


def test_maps_are_joined_to_one():
    one = answer(f"seq_att_map {{ key: ['item', 'shop'] hist_seq: ['items', 'shops'] }} {DNN}")
    apart = ["key: 'item' hist_seq: 'items'", "key: 'shop' hist_seq: 'shops'"]
    other = answer(" ".join(f"seq_att_map {{ {each} }}" for each in apart) + DNN)
    other[0].set_weights(one[0].get_weights())
    np.testing.assert_allclose(other[0](other[2]), one[1], rtol=1e-5)


def test_further_sequences_are_weighed_alike_without_taking_part():
    attention = "seq_att_map { key: 'item' hist_seq: 'items' aux_hist_seq: 'shops' }"
    model, output, encoded = answer(f"{attention} {DNN}")
    target = embedded(model, encoded, "item").numpy()
    steps, others = (rows_of(embedded(model, encoded, name)) for name in ("items", "shops"))
    values = [np.hstack(pair) for pair in zip(steps, others, strict=True)]
    expected = attended(model.get_layer("group/all/seen/attention"), target, steps, values)
    np.testing.assert_allclose(output[:, 2:7], expected, rtol=1e-4, atol=1e-6)


def test_numbers_are_projected_step_by_step():
    attention = f"seq_att_map {{ key: 'shop' hist_seq: 'prices' }} {DNN}"
    model, output, encoded = answer(attention)
    kernel = model.get_layer("prices/projection").weights[0].numpy()
    steps = [
        np.array(row, "float32").reshape(-1, 1) @ kernel for row in encoded["prices"].to_list()
    ]
    target = embedded(model, encoded, "shop").numpy()
    expected = attended(model.get_layer("group/all/seen/attention"), target, steps, steps)
    np.testing.assert_allclose(output[:, 2:4], expected, rtol=1e-4, atol=1e-6)


TRANSFORMS = {
    "a narrow target is padded": ("shop", "items", "", 3),
    "a wide target is transformed": ("item", "shops", "", 2),
    "both are transformed": ("shop", "items", "transform_dnn: true", 3),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_widths_that_differ_are_brought_together(name):
    key, steps, more, width = TRANSFORMS[name]
    attention = f"seq_att_map {{ key: '{key}' hist_seq: '{steps}' }} {DNN} {more}"
    model, output, encoded = answer(f"{attention} allow_key_transform: true")
    assert output.shape == (3, 2 + 2 * width)
    target = embedded(model, encoded, key).numpy()
    if "padded" in name:
        expected = np.hstack([target, np.zeros((3, 1))])
    else:
        kernel, bias = model.get_layer("group/all/seen/target_transformed").get_weights()
        expected = target @ kernel + bias
    np.testing.assert_allclose(output[:, -width:], expected, rtol=1e-5, atol=1e-7)
    names = [layer.name for layer in model.layers]
    assert ("group/all/seen/steps_transformed" in names) == ("both" in name)


def test_widths_that_differ_are_an_error_without_leave():
    with pytest.raises(ConfigError, match="of the width of the steps, 3, .* Received: 2."):
        make(f"seq_att_map {{ key: 'shop' hist_seq: 'items' }} {DNN}")


def test_without_layers_there_are_those_of_easyrec():
    _, model = make("seq_att_map { key: 'item' hist_seq: 'items' }")
    layer = model.get_layer("group/all/seen/attention")
    assert layer.scorer["hidden_units"] == [128, 64, 32]
    assert [tuple(weight.shape) for weight in layer.score.weights] == [(32, 1), (1,)]


def test_sequences_that_are_not_equally_long_are_told_of_in_training():
    columns, _ = make("seq_att_map { key: 'item' hist_seq: 'items' aux_hist_seq: 'shops' }")
    raw = {**ROWS, "shops": ["x|y|z", "x", "y"]}
    raw = {name: tf.constant(cells) for name, cells in raw.items()}
    assert columns.problems(raw) == [
        (1, "Feature `shops` should have as many steps as `items`. Received: 1 instead of 0.")
    ]
    with pytest.raises(tf.errors.InvalidArgumentError, match="shops"):
        columns.encode(raw, strict=True)
    columns.encode(raw)  # A server answers.


def with_most(steps, *names):
    """The config with `max_seq_len` of some sequences."""
    text = CONFIG
    for name in names:
        text = text.replace(f'"{name}" feature_type', f'"{name}" max_seq_len: {steps} feature_type')
    return text


def test_attention_sees_the_first_steps_of_what_is_too_long(monkeypatch):
    monkeypatch.setitem(globals(), "CONFIG", with_most(2, "items", "shops"))
    attention = "seq_att_map { key: 'item' hist_seq: 'items' aux_hist_seq: 'shops' }"
    model, output, encoded = answer(f"{attention} {DNN}")
    columns, _ = make(f"{attention} {DNN}")
    short = {**ROWS, "items": ["a|b", "", "c"], "shops": ["x|y", "", "y"]}
    short = {name: tf.constant(cells) for name, cells in short.items()}
    np.testing.assert_array_equal(output, model(columns.encode(short)))
    assert encoded["items"].row_lengths().numpy().tolist() == [2, 0, 1]


def test_sequences_are_equally_long_by_the_data_whatever_is_cut(monkeypatch):
    monkeypatch.setitem(globals(), "CONFIG", with_most(1, "items"))
    columns, _ = make("seq_att_map { key: 'item' hist_seq: 'items' aux_hist_seq: 'shops' }")
    assert columns.problems({name: tf.constant(cells) for name, cells in ROWS.items()}) == []


def test_a_row_is_the_same_beside_longer_ones():
    columns, model = make(f"seq_att_map {{ key: 'item' hist_seq: 'items' }} {DNN}")
    rows = {**ROWS, "items": ["a|b|c" * 20, "", "c"]}
    together = model(columns.encode({name: tf.constant(cells) for name, cells in rows.items()}))
    for row in range(3):
        alone = {name: tf.constant(cells[row : row + 1]) for name, cells in rows.items()}
        np.testing.assert_allclose(
            together[row : row + 1], model(columns.encode(alone)), rtol=1e-6, atol=1e-6
        )


def test_attentions_of_one_name_have_layers_of_their_own():
    one = f"seq_att_map {{ key: 'item' hist_seq: 'items' }} {DNN}"
    again = f"{one} }} sequence_features {{ group_name: 'seen' {one}"
    model, output, encoded = answer(again)
    target = embedded(model, encoded, "item").numpy()
    steps = rows_of(embedded(model, encoded, "items"))
    expected = [
        part
        for name in ("seen", "seen_1")
        for layer in [model.get_layer(f"group/all/{name}/attention")]
        for part in (attended(layer, target, steps, steps), target)
    ]
    np.testing.assert_allclose(output[:, 2:], np.hstack(expected), rtol=1e-4, atol=1e-6)


def test_a_group_reads_the_columns_of_its_attention():
    columns, _ = make("seq_att_map { key: 'item' hist_seq: 'items' }")
    assert columns.raw_columns == ["item", "shop", "items"]


def test_variational_dropout_is_on_features_and_not_on_what_attention_adds():
    attention = f"seq_att_map {{ key: 'item' hist_seq: 'items' }} {DNN}"
    text = CONFIG.replace("ATTENTION", f"sequence_features {{ {attention} }}")
    pipeline = text_format.Parse(text, Pipeline())
    pipeline.model_config.variational_dropout.SetInParent()
    columns = Columns.from_pipeline(pipeline)
    inputs = build_inputs(columns)
    model = keras.Model(inputs, build_groups(pipeline, columns, inputs)["all"].vector)
    encoded = columns.encode({name: tf.constant(cells) for name, cells in ROWS.items()})
    output = model(encoded)
    np.testing.assert_allclose(output[:, :2], embedded(model, encoded, "shop") / 2, rtol=1e-5)
    np.testing.assert_allclose(output[:, -3:], embedded(model, encoded, "item"), rtol=1e-5)
