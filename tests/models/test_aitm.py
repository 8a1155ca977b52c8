"""AITM: each step of a path takes what it needs of the step before."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
bottom_dnn { hidden_units: 9 }
transfer_mlp { hidden_units: [3, 6] }
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers { tower_name: "cart" dnn { hidden_units: [8, 6] } }
task_towers { tower_name: "buy" dnn { hidden_units: 6 } }
l2_regularization: 0
"""
LATER = ["cart", "buy"]


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("aitm", "project_dim: 4" + TOWERS)


def attention(nets, layer, p, t):
    values = nets.weights(layer)

    def linear(name, u):
        return u @ values[f"{name}/kernel"] + values[f"{name}/bias"]

    scores = [(linear("query", u) * linear("key", u)).sum(axis=1) / 2.0 for u in (p, t)]
    w_p, w_t = nets.softmax(np.stack(scores, axis=1)).T
    return w_p[:, None] * linear("value", p) + w_t[:, None] * linear("value", t)


def test_logits_are_those_of_heads_on_transferred_steps(nets, network):
    batch, layer = nets.rows(network), network.get_layer
    h = nets.perceptron(layer("bottom"), batch["all"])
    q = nets.perceptron(layer("click_tower"), h)
    expected = {"click": nets.dense(layer("click_logits"), q)}
    for task in LATER:
        p = nets.perceptron(layer(f"{task}_transfer"), q)
        t = nets.perceptron(layer(f"{task}_tower"), h)
        q = attention(nets, layer(f"{task}_attention"), p, t)
        assert q.shape == (3, 4)
        expected[task] = nets.dense(layer(f"{task}_logits"), q)
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, expected[task], atol=1e-5, rtol=1e-5)


def test_penalty_is_that_of_steps_likelier_than_those_before(nets, network):
    batch = nets.rows(network)
    answers = network(batch, training=True)
    click, cart, buy = (nets.sigmoid(answers[task].numpy()) for task in ("click", *LATER))
    excess = np.maximum(cart - click, 0) + np.maximum(buy - cart, 0)
    assert excess.any()
    assert float(tf.add_n(network.losses)) == pytest.approx(0.6 * excess.mean(), rel=1e-4)
    network(batch)
    assert network.losses == []


def test_without_an_order_weight_there_is_no_penalty(nets):
    network = nets.build("aitm", "order_weight: 0" + TOWERS)
    network(nets.rows(network), training=True)
    assert network.losses == []


def test_size_is_that_of_bottom_towers_transfers_attentions_and_heads(nets, network):
    towers = [(9, [7]), (9, [8, 6]), (9, [6])]
    transfers = [(7, [3, 6]), (4, [3, 6])]
    stacks = sum(nets.perceptron_size(*each) for each in [(5, [9]), *towers, *transfers])
    attentions, heads = 2 * 3 * (6 + 1) * 4, (7 + 1) + 2 * (4 + 1)
    assert nets.trainable_size(network) == stacks + attentions + heads


def test_attention_has_the_width_of_the_towers_unless_told(nets):
    network = nets.build("aitm", TOWERS)
    assert network.get_layer("buy_attention").output.shape[1] == 6


def test_with_equal_scores_a_step_takes_the_mean(nets):
    network = nets.build("aitm", TOWERS)
    attention = network.get_layer("cart_attention")
    plain = {"value/kernel": np.eye(6)}
    attention.set_weights(
        [plain.get(name, np.zeros(each.shape)) for name, each in nets.weights(attention).items()]
    )
    p, t = np.random.default_rng(4).normal(size=(2, 3, 6)).astype(np.float32)
    np.testing.assert_allclose(attention([p, t]), (p + t) / 2, atol=1e-6)


def test_a_step_is_not_taught_by_what_it_does_not_read(nets, network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(nets.rows(network))["click"])
    weights = network.trainable_weights
    slopes = zip(weights, tape.gradient(loss, weights), strict=True)
    taught = {weight.name.split("/")[0] for weight, slope in slopes if slope is not None}
    assert taught == {"bottom", "click_tower", "click_logits"}


def test_with_stop_gradient_a_step_teaches_none_before(nets):
    plain = nets.build("aitm", "order_weight: 0" + TOWERS)
    stopped = nets.build("aitm", "order_weight: 0 stop_gradient: true" + TOWERS)
    nets.copy_weights(plain, stopped, {"cart_before": [], "buy_before": []})
    nets.assert_same(stopped(nets.rows(stopped)), plain(nets.rows(plain)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(stopped(nets.rows(stopped))["buy"])
    weights = stopped.trainable_weights
    slopes = zip(weights, tape.gradient(loss, weights), strict=True)
    taught = {weight.name.split("/")[0] for weight, slope in slopes if slope is not None}
    parts = {"buy_tower", "buy_transfer", "buy_attention", "buy_logits"}
    assert taught == {"bottom", *parts}
