"""Backbones: every layer is built in the shapes that the rules foretell, and wired as it says."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from google.protobuf import text_format

from tests.helpers import GOOD_CONFIG
from tests.models.conftest import dense, normalize, randomize, relu, softmax
from tfmtl import config
from tfmtl.config.backbone.classes import CLASSES, INITIALIZERS
from tfmtl.config.backbone.wiring import backbone_output
from tfmtl.config.problems import Report
from tfmtl.config.rules.backbone import output_width
from tfmtl.config.rules.block_shapes import ShapeFlow
from tfmtl.features import Columns
from tfmtl.models import build_network
from tfmtl.models._backbone import build_backbone
from tfmtl.models._groups import Groups
from tfmtl.protos import backbone_pb2, pipeline_pb2

# Features of a group of four, and sequences beside a target.
WIDTHS = {"all": [4, 4, 4, 4], "seen": [4]}
PIPELINE = """
feature_config {
  features { input_names: "a" embedding_dim: 4 num_buckets: 5 shared_names: ["b", "c", "d"] }
  features {
    input_names: "s" feature_type: SequenceFeature embedding_dim: 3 num_buckets: 5
    shared_names: "t"
  }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["a", "b", "c", "d"] }
  feature_groups { group_name: "seen" feature_names: ["a", "s", "t"] }
  model_params { task_towers { tower_name: "x" } }
}
"""
INPUTS = """
blocks { name: "list" inputs { feature_group_name: "all" } input_layer {
  only_output_feature_list: true do_batch_norm: true dropout_rate: 0.1 feature_dropout_rate: 0.1 } }
blocks { name: "stack" inputs { feature_group_name: "all" } input_layer {
  only_output_3d_tensor: true do_layer_norm: true } }
blocks { name: "two" inputs { feature_group_name: "all" } input_layer {
  output_2d_tensor_and_feature_list: true do_layer_norm: true } }
blocks { name: "steps" inputs { feature_group_name: "seen" } input_layer {
  output_seq_and_normal_feature: true } }
blocks { name: "x" inputs { feature_group_name: "all" } }
blocks { name: "y" inputs { feature_group_name: "all" input_slice: "[:, 2:6]" } }
"""
# What a layer reads, and its parameters.
READS = {
    "MLP": ("x", "mlp { hidden_units: [5, 3] }"),
    "MMoE": ("x", "mmoe { num_task: 2 num_expert: 3 expert_mlp { hidden_units: 5 } }"),
    "AITMTower": ("list", "aitm { transfer_mlp { hidden_units: 5 } project_dim: 3 }"),
    "SENet": ("list", "senet {}"),
    "MaskBlock": ("x", "mask_block { aggregation_size: 5 output_size: 3 }"),
    "MaskNet": (
        "x",
        "masknet { use_parallel: false mask_blocks { aggregation_size: 3 output_size: 5 } "
        "mask_blocks { reduction_factor: 0.2 } }",
    ),
    "FM": ("stack", "fm { use_variant: true }"),
    "BiLinear": ("list", "bilinear { num_output_units: 5 type: 'all' }"),
    "FiBiNet": ("list", "fibinet { bilinear { num_output_units: 5 } mlp { hidden_units: 3 } }"),
    "Highway": ("x", "highway { emb_size: 5 }"),
    "Gate": ("list", "gate { weight_index: 1 mlp { hidden_units: 3 } }"),
    "DIN": ("steps", "din { attention_dnn { hidden_units: [5, 1] } }"),
    "MultiHeadAttention": (
        "stack",
        "multi_head_attention { num_heads: 2 key_dim: 3 output_shape: 5 }",
    ),
    "Cross": ("x", "st_params { fields { key: 'projection_dim' value { number_value: 2 } } }"),
    "DotInteraction": (
        "list",
        "st_params { fields { key: 'self_interaction' value { bool_value: true } } }",
    ),
    "Dense": ("stack", "st_params { fields { key: 'units' value { number_value: 3 } } }"),
    "Dropout": ("x", "st_params { fields { key: 'rate' value { number_value: 0.5 } } }"),
    "Activation": (
        "x",
        "st_params { fields { key: 'activation' value { string_value: 'tanh' } } }",
    ),
    "BatchNormalization": ("x", ""),
    "LayerNormalization": ("stack", ""),
    "Concatenate": ("list", "st_params { fields { key: 'axis' value { number_value: 1 } } }"),
    "Flatten": ("stack", ""),
    "Subtract": ("pair", ""),
}
PAIR = 'blocks { name: "pair" inputs { block_name: "list" input_slice: "[1:3]" } }'


def keras_layer(name, parameters):
    return f'keras_layer {{ class_name: "{name}" {parameters} }}'


def parse(text):
    return text_format.Parse(text, backbone_pb2.BackboneTower())


def groups():
    """The groups as inputs; those of sequences are ragged."""
    made = {
        group: [keras.Input((width,), name=f"{group}_{i}") for i, width in enumerate(widths)]
        for group, widths in WIDTHS.items()
    }
    made["seen"] += [keras.Input((None, 3), ragged=True, name=name) for name in ("s", "t")]
    joined = keras.layers.Concatenate(name="joined")(made["all"])
    built = {
        "all": types.SimpleNamespace(vector=joined, features=made["all"]),
        "seen": types.SimpleNamespace(features=made["seen"]),
    }
    return Groups(lambda suffix: built, None, {}), [*made["all"], *made["seen"]]


def shapes_of(tensors):
    if isinstance(tensors, list):
        return [shapes_of(each) for each in tensors]
    return tuple(tensors.shape[1:])


def foretold(backbone):
    pipeline = text_format.Parse(PIPELINE, pipeline_pb2.Pipeline())
    report = Report()
    shapes = backbone_output(backbone, ShapeFlow(pipeline, report))
    assert report.problems == []
    return shapes


def merged(name):
    return READS.get(name, ("list", ""))


@pytest.fixture(scope="module")
def every_layer():
    """A backbone with a block of each class, all of them its output."""
    blocks = [
        f'blocks {{ name: "{name}" inputs {{ block_name: "{merged(name)[0]}" }} '
        f"{keras_layer(name, merged(name)[1])} }}"
        for name in CLASSES
    ]
    listed = ", ".join(f'"{name}"' for name in (*CLASSES, "two", "y"))
    return parse(f"{INPUTS} {PAIR} {' '.join(blocks)} output_blocks: [{listed}]")


@pytest.mark.slow
def test_every_layer_has_the_shape_that_the_rules_foretell(every_layer):
    feature_groups, _ = groups()
    built = build_backbone(every_layer, feature_groups, 0.1, "")
    names = (*CLASSES, "two", "y")
    actual = dict(zip(names, map(shapes_of, built), strict=True))
    assert actual == dict(zip(names, foretold(every_layer), strict=True))


def build(text):
    """A network on the features of `all`, of weights that betray a swapped axis; and a batch."""
    feature_groups, inputs = groups()
    outputs = build_backbone(parse(text), feature_groups, 0.0, "")
    network = randomize(keras.Model(inputs[:4], outputs))
    draw = np.random.default_rng(2)
    rows = [draw.normal(size=(3, 4)).astype(np.float32) for _ in range(4)]
    return network, rows, network(rows)


X = 'inputs { feature_group_name: "all" }'


def weights(layer):
    """Values by name within the layer, whose own name has parts."""
    return {
        weight.name.removeprefix(f"{layer.name}/").split(":")[0]: weight.numpy()
        for weight in layer.weights
    }


def linear(layer, x):
    """The only kernel and bias of a layer."""
    values = weights(layer)
    kernel, bias = (next(v for n, v in values.items() if p in n) for p in ("kernel", "bias"))
    return x @ kernel + bias


def mlp(layer, x):
    values = weights(layer)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    x = x @ values["dense_0/kernel"]
    return relu(normalize(x, *(values[f"bn_0/{name}"] for name in names)))


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_mmoe_mixes_experts_for_each_task():
    layer = keras_layer("MMoE", "mmoe { num_task: 2 num_expert: 3 expert_mlp { hidden_units: 5 } }")
    network, rows, outputs = build(f'blocks {{ name: "m" {X} {layer} }}')
    x = np.concatenate(rows, axis=-1)
    experts = [mlp(network.get_layer(f"block/m/expert_{e}/expert_mlp"), x) for e in range(3)]
    for task, output in enumerate(outputs):
        gate = softmax(linear(network.get_layer(f"block/m/gate_{task}"), x))
        assert_close(output, np.einsum("be,ebu->bu", gate, np.stack(experts)))


def test_mmoe_without_layers_takes_experts_from_its_input():
    made = "".join(
        f'blocks {{ name: "e{i}" {X} {keras_layer("MLP", "mlp { hidden_units: 5 }")} }}'
        for i in range(2)
    )
    read = f'inputs {{ block_name: "e0" }} inputs {{ block_name: "e1" }} {X}'
    layer = keras_layer("MMoE", "mmoe { num_task: 1 num_expert: 2 }")
    network, rows, output = build(
        f'{made} blocks {{ name: "m" {read} merge_inputs_into_list: true {layer} }}'
    )
    x = np.concatenate(rows, axis=-1)
    experts = np.stack([mlp(network.get_layer(f"block/e{i}"), x) for i in range(2)])
    gate = softmax(linear(network.get_layer("block/m/gate_0"), x))
    assert_close(output, np.einsum("be,ebu->bu", gate, experts))


def test_a_softmax_of_the_gates_features_weighs_two_networks():
    made = "".join(
        f'blocks {{ name: "e{i}" {X} {keras_layer("MLP", "mlp { hidden_units: 5 }")} }}'
        for i in range(2)
    )
    stack = "mlp { hidden_units: 2 use_final_bn: false final_activation: 'softmax' }"
    made += f'blocks {{ name: "w" {X} {keras_layer("MLP", stack)} }}'
    read = " ".join(f'inputs {{ block_name: "{name}" }}' for name in ("w", "e0", "e1"))
    gate = keras_layer("Gate", "gate { weight_index: 0 }")
    network, rows, output = build(
        f'{made} blocks {{ name: "g" {read} merge_inputs_into_list: true {gate} }}'
    )
    x = np.concatenate(rows, axis=-1)
    experts = np.stack([mlp(network.get_layer(f"block/e{i}"), x) for i in range(2)])
    (kernel,) = network.get_layer("block/w").get_weights()
    assert_close(output, np.einsum("be,ebu->bu", softmax(x @ kernel), experts))


def test_a_fixed_input_makes_cross_layers_of_dcn():
    layer = f"recurrent {{ num_steps: 2 fixed_input_index: 0 {keras_layer('Cross', '')} }}"
    network, rows, output = build(
        f'blocks {{ name: "c" {X} {X} merge_inputs_into_list: true {layer} }}'
    )
    x0 = x = np.concatenate(rows, axis=-1)
    for index in range(2):
        x = x0 * linear(network.get_layer(f"block/c/{index}"), x) + x
    assert_close(output, x)


def test_repeated_layers_have_weights_of_their_own_and_read_their_parts():
    layer = (
        "repeat { num_repeat: 2 output_concat_axis: -1 input_slice: '[i]' "
        f"{keras_layer('MLP', 'mlp { hidden_units: 5 }')} }}"
    )
    network, rows, output = build(
        f'blocks {{ name: "l" {X} input_layer {{ only_output_feature_list: true }} }} '
        f'blocks {{ name: "r" inputs {{ block_name: "l" }} {layer} }}'
    )
    expected = [mlp(network.get_layer(f"block/r/{i}"), rows[i]) for i in range(2)]
    assert_close(output, np.concatenate(expected, axis=-1))


def test_repeated_layers_read_parts_of_stacked_vectors():
    layer = (
        "repeat { num_repeat: 2 input_slice: '[:, i]' "
        f"{keras_layer('MLP', 'mlp { hidden_units: 5 }')} }}"
    )
    network, rows, outputs = build(
        f'blocks {{ name: "s" {X} input_layer {{ only_output_3d_tensor: true }} }} '
        f'blocks {{ name: "r" inputs {{ block_name: "s" }} {layer} }}'
    )
    made = {each.name: each for each in network.layers if type(each).__name__ == "MLP"}
    assert len(made) == 2
    for place, (output, each) in enumerate(zip(outputs, made.values(), strict=True)):
        assert_close(output, mlp(each, rows[place]))


def test_a_block_may_be_called_as_what_the_graph_makes_itself():
    inner = keras_layer("MLP", "mlp { hidden_units: 5 }")
    network, rows, output = build(
        f'blocks {{ name: "output" {X} {inner} }} blocks {{ name: "b" {X} }}'
    )
    x = np.concatenate(rows, axis=-1)
    layer = next(each for each in network.layers if type(each).__name__ == "MLP")
    assert_close(output, np.concatenate([mlp(layer, x), x], axis=-1))


def test_a_chain_of_blocks_may_be_longer_than_pythons_stack():
    chain = [f'blocks {{ name: "{n + 1}" inputs {{ block_name: "{n}" }} }}' for n in range(1000)]
    backbone = parse(f'blocks {{ name: "0" {X} }} {" ".join(reversed(chain))}')
    assert foretold(backbone) == (4 * 4,)


def test_uses_of_a_package_share_its_weights():
    fed, inner = "inputs { use_package_input: true }", keras_layer("MLP", "mlp { hidden_units: 5 }")
    blocks = "".join(
        f'blocks {{ name: "v{i}" {X.replace(" }", f"{part} }}")} }} '
        for i, part in enumerate((' input_slice: "[:, :4]"', ' input_slice: "[:, 4:8]"'))
    )
    uses = " ".join(f'inputs {{ package_name: "p" package_input: "v{i}" }}' for i in range(2))
    network, rows, (one, two) = build(
        f'packages {{ name: "p" blocks {{ name: "m" {fed} {inner} }} }} '
        f'{blocks} blocks {{ name: "both" {uses} merge_inputs_into_list: true }}'
    )
    layer = network.get_layer("package/p/m")
    assert_close(one, mlp(layer, rows[0]))
    assert_close(two, mlp(layer, rows[1]))


def test_a_package_may_read_its_groups_in_another_way_in_each_use():
    uses = (
        'inputs { package_name: "p" } '
        'inputs { package_name: "p" reset_input { do_layer_norm: true } }'
    )
    _, rows, (plain, normal) = build(
        f'packages {{ name: "p" blocks {{ name: "g" {X} input_layer {{}} }} }} '
        f'blocks {{ name: "both" {uses} merge_inputs_into_list: true }}'
    )
    assert_close(plain, np.concatenate(rows, axis=-1))
    assert np.abs(plain - normal).max() > 0.1


def test_layers_follow_each_other_and_the_top_reads_all_ends():
    follow = " ".join(
        f"layers {{ {keras_layer(name, parameters)} }}"
        for name, parameters in (("Cross", ""), ("MLP", "mlp { hidden_units: 5 }"))
    )
    network, rows, output = build(
        f'blocks {{ name: "a" {X} {follow} }} blocks {{ name: "b" {X} }} '
        "top_mlp { hidden_units: 3 }"
    )
    x = np.concatenate(rows, axis=-1)
    crossed = x * linear(network.get_layer("block/a/layer_0"), x) + x
    a = mlp(network.get_layer("block/a/layer_1"), crossed)
    assert_close(output, mlp(network.get_layer("top_mlp"), np.concatenate([a, x], axis=-1)))


def test_masks_of_a_masknet_are_computed_from_what_is_not_normalized():
    layer = keras_layer("MaskNet", "masknet { mask_blocks { aggregation_size: 3 } }")
    network, rows, output = build(f'blocks {{ name: "m" {X} {layer} }}')
    x = np.concatenate(rows, axis=-1)
    normal, values = (
        network.get_layer("block/m/norm")(x).numpy(),
        weights(network.get_layer("block/m/mask_0")),
    )
    hidden = relu(x @ values["hidden/kernel"] + values["hidden/bias"])
    assert_close(output, normal * (hidden @ values["mask/kernel"] + values["mask/bias"]))


def test_a_list_of_one_attends_to_itself_as_its_one_does():
    heads = keras_layer("MultiHeadAttention", "multi_head_attention { num_heads: 1 key_dim: 2 }")
    stack = f'blocks {{ name: "s" {X} input_layer {{ only_output_3d_tensor: true }} }}'
    block = f'name: "h" inputs {{ block_name: "s" }} {heads}'
    *_, alone = build(f"{stack} blocks {{ {block} }}")
    *_, listed = build(f"{stack} blocks {{ {block} merge_inputs_into_list: true }}")
    assert_close(listed, alone)


def test_initializers_are_those_of_keras():
    assert [keras.initializers.get(name) for name in INITIALIZERS]


BACKBONE = (
    f'backbone {{ blocks {{ name: "b" {X} {keras_layer("MLP", "mlp { hidden_units: 6 }")} }} }}'
)


@pytest.mark.parametrize("model", ["mmoe", "single_task"])
def test_another_architecture_reads_the_backbone_in_place_of_the_group(model):
    text = GOOD_CONFIG.replace("mmoe {", f"{BACKBONE} mmoe {{")
    if model == "single_task":
        text = text.replace("mmoe {", "single_task {").replace('model_class: "MMoE"', "")
        text = text.replace("expert_dnn", "bottom_dnn").replace("num_expert: 3", "")
    pipeline = config.load_text(text)
    assert output_width(pipeline) == 6
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    blocks = [layer.name for layer in network.layers if layer.name.startswith("block/b")]
    assert blocks == (["block/b"] if model == "mmoe" else ["block/b_ctr", "block/b_cvr"])
    penalties = 3 if model == "mmoe" else 8
    assert len(network.losses) >= penalties
    reader = "experts" if model == "mmoe" else "ctr_bottom"
    assert network.get_layer(reader).input_shape[-1] == 6


def test_towers_read_the_backbone_and_the_towers_that_they_name():
    towers = (
        'model_params { task_towers { tower_name: "ctr" label_name: "click" } '
        'task_towers { tower_name: "cvr" label_name: "buy" relation_tower_names: "ctr" '
        "relation_dnn { hidden_units: 3 use_bn: false } } }"
    )
    start, end = GOOD_CONFIG.index("  mmoe {"), GOOD_CONFIG.index("  embedding_regularization")
    text = GOOD_CONFIG[:start] + BACKBONE + towers + GOOD_CONFIG[end:]
    pipeline = config.load_text(text.replace('model_class: "MMoE"', ""))
    network = build_network(pipeline, Columns.from_pipeline(pipeline))
    h = np.random.default_rng(4).normal(size=(3, 6)).astype(np.float32)
    above = keras.Model(network.get_layer("block/b").output, network.output)
    ctr, relation, cvr = (
        network.get_layer(name) for name in ("ctr_logits", "cvr_relation", "cvr_logits")
    )
    answers = above(h)
    assert_close(answers["ctr"], dense(ctr, h))
    values = weights(relation)
    r = relu(np.concatenate([h, h], axis=-1) @ values["dense_0/kernel"] + values["dense_0/bias"])
    assert_close(answers["cvr"], dense(cvr, r))


def test_a_block_may_attend_to_a_sequence_of_its_group():
    din = keras_layer("DIN", "din { attention_dnn { hidden_units: [3, 1] } }")
    blocks = (
        'feature_groups { group_name: "seen" feature_names: ["tags", "item_id"] } '
        'backbone { blocks { name: "s" inputs { feature_group_name: "seen" } input_layer { '
        "output_seq_and_normal_feature: true } } "
        f'blocks {{ name: "d" inputs {{ block_name: "s" }} {din} }} blocks {{ name: "x" {X} }} }} '
    )
    text = GOOD_CONFIG.replace("mmoe {", f"{blocks} mmoe {{").replace(
        '"city", "tags", ', '"city", '
    )
    pipeline = config.load_text(text.replace("TagFeature", "SequenceFeature"))
    columns = Columns.from_pipeline(pipeline)
    network = build_network(pipeline, columns)
    assert network.get_layer("experts").input_shape[-1] == output_width(pipeline) == 8 + 14
    raw = {name: tf.constant(["1", "1"]) for name in ("item_id", "city")}
    raw |= {"user_id": tf.constant([1, 1], tf.int64), "age": tf.constant([1, 1])}
    raw |= {"price": tf.constant([1.0, 1.0]), "tags": tf.constant(["a|b", ""])}
    attended = keras.Model(network.input, network.get_layer("block/d").output)
    with_steps, without = attended(columns.encode(raw)).numpy()
    assert np.isfinite(with_steps).all() and with_steps.any()
    np.testing.assert_array_equal(without, np.zeros(4))
