"""Interactions: what towers and bottoms compute beside their layers, or before them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from tfmtl.features import Columns
from tfmtl.models import build_network
from tfmtl.protos import pipeline_pb2

FM = 'interactions { fm { group_name: "item" } }'
WIDE = 'interactions { wide { group_name: "user" output_dim: 3 } }'
DCN = "interactions { dcn { num_layers: 2 } }"
LOW_RANK = "interactions { dcn { num_layers: 2 projection_dim: 3 } }"
STACKED = "interactions { dcn { num_layers: 2 structure: STACKED } }"
LAYERS = "hidden_units: [8, 6]"


def cross(nets, network, name, v):
    """`x ← v ⊙ (W·x + b) + x` for each layer, W of one kernel or of two."""
    x = v
    for index in itertools.count():
        if f"{name}_cross_{index}" not in {layer.name for layer in network.layers}:
            return x
        values = nets.weights(network.get_layer(f"{name}_cross_{index}"))
        w = values["dense/kernel"]
        if "dense_1/kernel" in values:
            w = w @ values["dense_1/kernel"]
        bias = values.get("dense/bias", values.get("dense_1/bias"))
        x = v * (x @ w + bias) + x


def fm(batch, group="item"):
    """The group `item` has two features of width 2."""
    first, second = np.split(batch[group], 2, axis=1)
    return first * second


def outputs(nets, network, name, batch, v):
    """What a stack of that name may give, by the interaction that is asked for."""
    layer = network.get_layer(name) if name in [each.name for each in network.layers] else None
    deep = {"dnn": nets.perceptron(layer, v)} if layer else {}
    crossed = cross(nets, network, name, v)
    return {
        **deep,
        "cross": crossed,
        "deep_cross": nets.perceptron(layer, crossed) if layer else crossed,
        "fm": fm(batch).sum(axis=1, keepdims=True),
        "fm_variant": fm(batch),
        "wide": batch.get(f"{name}_wide/user"),
    }


CASES = {
    "cross beside the layers": (LAYERS + DCN, ["dnn", "cross"]),
    "cross of low rank": (LAYERS + LOW_RANK, ["dnn", "cross"]),
    "cross before the layers": (LAYERS + STACKED, ["deep_cross"]),
    "fm": (LAYERS + FM, ["dnn", "fm"]),
    "fm by dimension": (
        LAYERS + 'interactions { fm { group_name: "item" use_variant: true } }',
        ["dnn", "fm_variant"],
    ),
    "wide": (LAYERS + WIDE, ["dnn", "wide"]),
    "deepfm": (LAYERS + WIDE + FM, ["dnn", "wide", "fm"]),
    "all, in the order given": (LAYERS + FM + DCN + WIDE, ["dnn", "fm", "cross", "wide"]),
    "stacked, with others beside": (LAYERS + FM + STACKED + WIDE, ["deep_cross", "fm", "wide"]),
    "cross alone": (DCN, ["cross"]),
    "stacked cross alone": ("hidden_units: 0 " + STACKED, ["cross"]),
    "fm alone": (FM, ["fm"]),
    "wide alone": ("hidden_units: 0 " + WIDE, ["wide"]),
    "wide and fm alone": (WIDE + FM, ["wide", "fm"]),
}


@pytest.mark.parametrize(("dnn", "parts"), CASES.values(), ids=CASES)
def test_a_tower_joins_its_layers_and_its_interactions(nets, dnn, parts):
    text = f'task_towers {{ tower_name: "ctr" dnn {{ {dnn} }} }} task_towers {{ tower_name: "b" }}'
    network = nets.build("simple_multi_task", text)
    batch = nets.rows(network)
    made = outputs(nets, network, "ctr_tower", batch, batch["all"])
    h = np.hstack([made[part] for part in parts])
    expected = nets.dense(network.get_layer("ctr_logits"), h)
    np.testing.assert_allclose(network(batch)["ctr"], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("dnn", "parts"), CASES.values(), ids=CASES)
def test_towers_read_a_bottom_with_its_interactions(nets, dnn, parts):
    towers = (
        'task_towers { tower_name: "ctr" dnn { hidden_units: 7 } } task_towers { tower_name: "b" }'
    )
    network = nets.build("shared_bottom", f"bottom_dnn {{ {dnn} }} {towers}")
    batch = nets.rows(network)
    made = outputs(nets, network, "bottom", batch, batch["all"])
    h = np.hstack([made[part] for part in parts])
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, nets.tower(network, task, h), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("interaction", "size"),
    [
        (DCN, 2 * (5 + 1) * 5),
        (STACKED, 2 * (5 + 1) * 5),
        (LOW_RANK, 2 * (5 * 3 + (3 + 1) * 5)),
        (FM, 0),
    ],
)
def test_size_is_that_of_layers_cross_layers_and_heads(nets, interaction, size):
    text = f'task_towers {{ tower_name: "ctr" dnn {{ {LAYERS} {interaction} }} }}'
    network = nets.build("simple_multi_task", text)
    joined = {DCN: 6 + 5, LOW_RANK: 6 + 5, STACKED: 6, FM: 6 + 1}[interaction]
    expected = nets.perceptron_size(5, [8, 6]) + size + (joined + 1)
    assert nets.trainable_size(network) == expected


def test_the_penalty_is_on_every_kernel_of_a_cross_layer(nets):
    text = f'task_towers {{ tower_name: "ctr" dnn {{ {LOW_RANK} }} }} l2_regularization: 0.1'
    network = nets.build("simple_multi_task", text)
    kernels = [weight for weight in network.trainable_weights if "kernel" in weight.name]
    assert len(kernels) == 2 * 2 + 1
    expected = [0.1 * np.sum(np.square(kernel)) / 2 for kernel in kernels]
    np.testing.assert_allclose(sorted(network.losses), sorted(expected), rtol=1e-5)


def test_a_cross_layer_whose_kernels_are_zero_scales_by_its_bias(nets):
    text = f'task_towers {{ tower_name: "ctr" dnn {{ {STACKED} }} }}'
    network = nets.build("simple_multi_task", text)
    biases = [np.full(5, 0.5), np.full(5, -0.25)]
    for index, bias in enumerate(biases):
        network.get_layer(f"ctr_tower_cross_{index}").set_weights([np.zeros((5, 5)), bias])
    batch = nets.rows(network)
    x = batch["all"] * (1 + 0.5 - 0.25)
    expected = nets.dense(network.get_layer("ctr_logits"), x)
    np.testing.assert_allclose(network(batch)["ctr"], expected, rtol=1e-4, atol=1e-5)


def test_weights_are_called_alike_however_often_a_network_is_built(nets):
    """A checkpoint holds them by their names."""
    text = f'task_towers {{ tower_name: "ctr" dnn {{ {LAYERS} {LOW_RANK} }} }}'
    first, second = (
        [weight.name for weight in nets.build("simple_multi_task", text).weights] for _ in range(2)
    )
    assert first == second
    assert "ctr_tower_cross_1/dense_1/kernel:0" in first


BOTTOMS = {
    "shared_bottom": ("bottom_dnn {{ {0} }}", ["bottom"]),
    "customized_sharing": (
        "bottom_dnn {{ {0} }} task_bottom_dnn {{ {0} }}",
        ["bottom", "ctr_bottom", "cvr_bottom"],
    ),
    "asymmetric_sharing": (
        """
        bottoms {{ bottom_name: "a" dnn {{ {0} }} }} bottoms {{ bottom_name: "b" dnn {{ {0} }} }}
        task_bottoms {{ tower_name: "ctr" bottom_names: ["a", "b"] join: SUM }}
        task_bottoms {{ tower_name: "cvr" bottom_names: "b" }}
        """,
        ["a_bottom", "b_bottom"],
    ),
    "dbmtl": ("bottom_dnn {{ {0} }}", ["bottom"]),
    "single_task": ("bottom_dnn {{ {0} }}", ["ctr_bottom", "cvr_bottom"]),
}


@pytest.mark.parametrize("architecture", BOTTOMS)
def test_every_bottom_may_have_interactions(nets, architecture):
    text, stacks = BOTTOMS[architecture]
    towers = 'task_towers { tower_name: "ctr" } task_towers { tower_name: "cvr" }'
    network = nets.build(architecture, text.format(LAYERS + DCN + FM + WIDE) + towers)
    names = {layer.name for layer in network.layers}
    for stack in stacks:
        made = {f"{stack}_cross_1", f"{stack}_fm/item", f"{stack}_wide/user"}
        assert {stack, f"{stack}_interactions"} | made <= names
        assert network.get_layer(f"{stack}_interactions").output.shape == (None, 6 + 5 + 1 + 3)


def test_bottoms_of_aitm_and_steps_of_the_handed_width_may_have_interactions(nets):
    # What a step reads is 6 + 1 wide.
    network = nets.build(
        "aitm",
        f"""
        bottom_dnn {{ {LAYERS} {FM} }} transfer_mlp {{ hidden_units: 11 }}
        task_towers {{ tower_name: "click" dnn {{ hidden_units: 3 }} }}
        task_towers {{ tower_name: "buy" dnn {{ hidden_units: 4 {DCN} }} }}
        """,
    )
    assert network.get_layer("buy_tower_interactions").output.shape == (None, 4 + 7)
    assert network.get_layer("buy_transfer").output.shape == (None, 11)


PIPELINE = """
data_config {
  input_fields { input_name: "click" input_type: INT32 }
  input_fields { input_name: "buy" input_type: INT32 }
  input_fields { input_name: "user" }
  input_fields { input_name: "tags" }
  input_fields { input_name: "price" input_type: FLOAT }
  label_fields: "click" label_fields: "buy"
}
feature_config {
  features { input_names: "user" embedding_dim: 3 hash_bucket_size: 11 }
  features { input_names: "tags" feature_type: TagFeature embedding_dim: 3 hash_bucket_size: 7 }
  features { input_names: "price" feature_type: RawFeature }
}
model_config {
  feature_groups { group_name: "all" feature_names: ["user", "tags", "price"] }
  feature_groups { group_name: "ids" feature_names: ["user", "tags"] }
  %s
}
"""
RAW = {
    "user": ["u", "v", "", "w"],
    "tags": ["a|b", "", "c", "a"],
    "price": np.array([0.5, -3.0, 1.5, 2.0], np.float32),
}
WIDE_AND_FM = 'interactions { wide {} } interactions { fm { group_name: "ids" } }'
KINDS = {
    "wide": 'hidden_units: 4 interactions { wide { group_name: "all" output_dim: 2 } }',
    "fm": 'hidden_units: 4 interactions { fm { group_name: "ids" } }',
    "dcn": "hidden_units: 4 interactions { dcn { num_layers: 2 projection_dim: 2 } }",
    "stacked dcn": "hidden_units: 4 interactions { dcn { structure: STACKED } }",
    "wide alone": "interactions { wide {} }",
    "fm alone": 'interactions { fm { group_name: "ids" } }',
}


def built(nets, model):
    """A pipeline's network with random weights, and the encoded rows."""
    pipeline = text_format.Parse(PIPELINE % model, pipeline_pb2.Pipeline())
    columns = Columns.from_pipeline(pipeline)
    encoded = columns.encode({name: tf.constant(values) for name, values in RAW.items()})
    return nets.randomize(build_network(pipeline, columns)), encoded, columns


def in_towers(dnn):
    towers = [f'task_towers {{ tower_name: "{task}" dnn {{ {dnn} }} }}' for task in ("ctr", "cvr")]
    return f"simple_multi_task {{ {' '.join(towers)} }}"


def in_a_bottom(dnn):
    return f"""shared_bottom {{ bottom_dnn {{ {dnn} }}
    task_towers {{ tower_name: "ctr" }} task_towers {{ tower_name: "cvr" }} }}"""


@pytest.mark.parametrize("place", [in_towers, in_a_bottom])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_reaches_every_weight(nets, kind, place):
    network, encoded, _ = built(nets, place(KINDS[kind]))
    with tf.GradientTape() as tape:
        logits = network(encoded, training=True)
        loss = tf.add_n([tf.reduce_sum(tf.square(each)) for each in logits.values()])
    weights = network.trainable_weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None, weight.name
        values = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(values).all() and values.any(), weight.name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_alike_saved_and_loaded(nets, kind, tmp_path):
    network, encoded, columns = built(nets, in_towers(KINDS[kind]))
    network.save_weights(tmp_path / "weights")
    copy, *_ = built(nets, in_towers(KINDS[kind]))
    copy.set_weights([np.zeros(weight.shape) for weight in copy.weights])
    copy.load_weights(tmp_path / "weights").assert_consumed()
    served = tf.Module()
    served.columns, served.weights = columns, network.weights
    served.answer = tf.function(
        tf.autograph.experimental.do_not_convert(lambda raw: network(columns.encode(raw))),
        input_signature=[columns.raw_signature()],
    )
    tf.saved_model.save(served, str(tmp_path / "served"))
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    raw = {name: tf.constant(values) for name, values in RAW.items()}
    for task, logits in network(encoded).items():
        np.testing.assert_array_equal(copy(encoded)[task], logits)
        np.testing.assert_allclose(loaded.answer(raw)[task], logits, rtol=1e-5)


def test_each_tower_has_wide_tables_of_its_own(nets):
    network, encoded, _ = built(nets, in_towers(WIDE_AND_FM))
    tables = {
        task: network.get_layer(f"{task}_tower_wide/all/embeddings").embedding_variables
        for task in ("ctr", "cvr")
    }
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(encoded)["ctr"])
    (own,), (other,) = tape.gradient(loss, [tables["ctr"], tables["cvr"]])
    assert own is not None and other is None
    assert own.shape == (11 + 7, 1)


SEPARATE = [
    (
        "single_task",
        'task_towers {{ tower_name: "ctr" {0} }} task_towers {{ tower_name: "cvr" {0} }}',
    ),
    (
        "esmm",
        'ctr_tower {{ tower_name: "ctr" {0} }} cvr_tower {{ tower_name: "cvr" {0} }} '
        "share_embedding: false",
    ),
]


@pytest.mark.parametrize(("architecture", "text"), SEPARATE)
def test_tasks_with_embeddings_of_their_own_interact_on_those(nets, architecture, text):
    text = text.format(f"dnn {{ hidden_units: 4 {WIDE_AND_FM} }}")
    network, encoded, _ = built(nets, f"{architecture} {{ {text} }}")
    assert "embeddings" not in {layer.name for layer in network.layers}
    tables = [
        network.get_layer(f"embeddings_{task}").embedding_variables[0] for task in ("ctr", "cvr")
    ]
    fm_inputs = network.get_layer("ctr_tower_fm/ids").input
    assert fm_inputs.name.startswith("group/ids_ctr")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(encoded)["ctr"])
    own, other = tape.gradient(loss, tables)
    assert own is not None and other is None


def test_groups_of_esmm_may_have_interactions(nets):
    fm_of_ids = 'interactions { fm { group_name: "ids" } }'
    text = f"""
    groups {{ input: "ids" dnn {{ hidden_units: 4 {DCN} {fm_of_ids} }} }}
    groups {{ input: "all" dnn {{ hidden_units: 2 }} }}
    ctr_tower {{ tower_name: "ctr" }} cvr_tower {{ tower_name: "cvr" }}
    """
    for more, prefix in [("", ""), ("share_embedding: false", "cvr_")]:
        network, *_ = built(nets, f"esmm {{ {text} {more} }}")
        joined = network.get_layer(f"{prefix}ids_dnn_interactions")
        assert joined.output.shape == (None, 4 + 6 + 1)


def test_a_factorization_machine_reads_the_embeddings_that_all_else_reads(nets):
    network, encoded, _ = built(nets, in_a_bottom(KINDS["fm"]))
    layers = [layer for layer in network.layers if "embeddings" in layer.name]
    assert [layer.name for layer in layers] == ["embeddings"]
