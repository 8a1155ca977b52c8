"""DBMTL: tasks that read what earlier tasks have made of the input."""

import numpy as np
import pytest
import tensorflow as tf

BOTTOM = "bottom_dnn { hidden_units: [9, 8] }"
EXPERTS = "expert_dnn { hidden_units: 6 } num_expert: 4"
TOWERS = """
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers {
  tower_name: "cart" dnn { hidden_units: 3 }
  relation_tower_names: "click" relation_dnn { hidden_units: [5, 4] }
}
task_towers { tower_name: "buy" relation_tower_names: ["click", "cart"] }
"""
PLAIN = """
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers { tower_name: "buy" }
"""


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("dbmtl", BOTTOM + EXPERTS + TOWERS)


def expected_logits(nets, network, x):
    """The formula, tower by tower."""
    h = nets.perceptron(network.get_layer("bottom"), x)
    experts = nets.perceptron(network.get_layer("experts"), h)

    def mixture(task):
        weights = nets.gate(network.get_layer(f"{task}_gate"), h)
        return np.einsum("be,ebu->bu", weights, experts)

    click = nets.perceptron(network.get_layer("click_tower"), mixture("click"))
    cart = nets.perceptron(network.get_layer("cart_tower"), mixture("cart"))
    cart = nets.perceptron(network.get_layer("cart_relation"), np.hstack([cart, click]))
    buy = np.hstack([mixture("buy"), click, cart])
    return {
        task: nets.dense(network.get_layer(f"{task}_logits"), r)
        for task, r in {"click": click, "cart": cart, "buy": buy}.items()
    }


def test_logits_are_those_of_heads_on_relations(nets, network):
    batch = nets.rows(network)
    expected = expected_logits(nets, network, batch["all"])
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, expected[task], atol=1e-5, rtol=1e-5)


def test_size_is_that_of_bottom_experts_gates_towers_relations_and_heads(nets, network):
    bottom, experts = nets.perceptron_size(5, [9, 8]), 4 * nets.perceptron_size(8, [6])
    gates = 3 * (8 + 1) * 4
    towers = nets.perceptron_size(6, [7]) + nets.perceptron_size(6, [3])
    relation = nets.perceptron_size(3 + 7, [5, 4])
    heads = (7 + 1) + (4 + 1) + (6 + 7 + 4 + 1)
    expected = bottom + experts + gates + towers + relation + heads
    assert nets.trainable_size(network) == expected


def test_a_task_teaches_the_towers_that_it_reads_and_no_others(nets, network):
    def taught(task):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(nets.rows(network))[task])
        weights = network.trainable_weights
        slopes = zip(weights, tape.gradient(loss, weights), strict=True)
        return {weight.name.split("/")[0] for weight, slope in slopes if slope is not None}

    trunk = {"bottom", "experts"}
    assert taught("click") == trunk | {"click_gate", "click_tower", "click_logits"}
    assert taught("buy") == trunk | {
        *("click_gate", "click_tower", "cart_gate", "cart_tower", "cart_relation"),
        *("buy_gate", "buy_logits"),
    }


@pytest.mark.parametrize(
    ("stages", "architecture"),
    [
        ("", "simple_multi_task"),
        (BOTTOM, "shared_bottom"),
        (EXPERTS, "mmoe"),
    ],
)
def test_without_relations_it_is_a_simpler_architecture(nets, stages, architecture):
    dbmtl = nets.build("dbmtl", stages + PLAIN)
    simpler = nets.build(architecture, stages + PLAIN)
    for layer in simpler.layers:
        layer.set_weights(dbmtl.get_layer(layer.name).get_weights())
    batch = nets.rows(dbmtl)
    for task, logits in simpler(batch).items():
        np.testing.assert_array_equal(dbmtl(batch)[task], logits)


def test_a_task_likelier_than_its_parents_is_penalized(nets):
    order = "losses { loss_type: ORDER_CALIBRATE_LOSS weight: 0.3 }"
    own = "losses { loss_type: CLASSIFICATION }"
    towers = TOWERS.replace('tower_name: "buy"', f'tower_name: "buy" {own} {order}')
    network, plain = (nets.build("dbmtl", BOTTOM + each) for each in (towers, TOWERS))
    nets.copy_weights(plain, network, {"buy_order": []})
    batch = nets.rows(network)
    nets.assert_same(network(batch), plain(batch))
    kernels = float(tf.add_n(network.losses))
    answers = network(batch, training=True)
    click, cart, buy = (
        nets.sigmoid(answers[task].numpy().astype(float)) for task in ("click", "cart", "buy")
    )
    excess = np.maximum(buy - click, 0) + np.maximum(buy - cart, 0)
    assert excess.any()
    penalty = float(tf.add_n(network.losses)) - kernels
    assert penalty == pytest.approx(0.3 * excess.mean(), rel=1e-4)


def test_order_without_parents_is_no_penalty(nets):
    order = "losses { loss_type: CLASSIFICATION } losses { loss_type: ORDER_CALIBRATE_LOSS }"
    network = nets.build("dbmtl", PLAIN.replace('tower_name: "buy"', f'tower_name: "buy" {order}'))
    network(nets.rows(network), training=True)
    assert "buy_order" not in [layer.name for layer in network.layers]
