"""L2-constrained: a bottom for each task, drawn to those of the others."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers { tower_name: "cart" }
task_towers { tower_name: "buy" }
l2_regularization: 0
"""
BOTTOM = "bottom_dnn { hidden_units: [8, 6] }"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("l2_constrained", BOTTOM + "l2_constraint: 0.3" + TOWERS)


def test_logits_are_those_of_towers_on_their_own_bottoms(nets, network):
    batch = nets.rows(network)
    bottoms = nets.perceptron(network.get_layer("bottoms"), batch["all"])
    for h, task in zip(bottoms, ("click", "cart", "buy"), strict=True):
        expected = nets.tower(network, task, h)
        np.testing.assert_allclose(network(batch)[task], expected, atol=1e-5, rtol=1e-5)


def test_penalty_is_that_of_the_distances_of_all_pairs(network):
    theta = [
        np.concatenate([each.numpy()[task].ravel() for each in bottoms_weights(network)])
        for task in range(3)
    ]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = 0.3 * sum(((theta[i] - theta[j]) ** 2).sum() for i, j in pairs)
    assert float(tf.add_n(network.losses)) == pytest.approx(expected, rel=1e-5)


def bottoms_weights(network):
    return network.get_layer("bottoms").trainable_weights


def test_penalty_draws_the_bottoms_to_their_mean(network):
    with tf.GradientTape() as tape:
        penalty = tf.add_n(network.losses)
    for theta, slope in zip(
        bottoms_weights(network), tape.gradient(penalty, bottoms_weights(network)), strict=True
    ):
        away = theta.numpy() - theta.numpy().mean(axis=0)
        np.testing.assert_allclose(slope, 2 * 0.3 * 3 * away, rtol=1e-4, atol=1e-5)


def test_size_is_that_of_bottoms_towers_and_heads(nets, network):
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + 2 * (6 + 1)
    assert nets.trainable_size(network) == 3 * nets.perceptron_size(5, [8, 6]) + towers_and_heads


def test_equal_bottoms_are_a_shared_one_without_a_penalty(nets):
    network = nets.build("l2_constrained", BOTTOM + TOWERS)
    shared = nets.build("shared_bottom", BOTTOM + TOWERS)
    bottoms = network.get_layer("bottoms")
    bottoms.set_weights([np.repeat(each[:1], 3, axis=0) for each in bottoms.get_weights()])
    for layer in shared.layers:
        if layer.name != "bottom":
            layer.set_weights(network.get_layer(layer.name).get_weights())
    shared.get_layer("bottom").set_weights(
        [
            each[0].reshape(weight.shape)
            for each, weight in zip(
                bottoms.get_weights(), shared.get_layer("bottom").weights, strict=True
            )
        ]
    )
    assert float(tf.add_n(network.losses)) == pytest.approx(0, abs=1e-9)
    batch = nets.rows(network)
    for task, logits in shared(batch).items():
        np.testing.assert_allclose(network(batch)[task], logits, rtol=1e-5, atol=1e-6)


def test_without_a_constraint_there_is_no_penalty(nets):
    assert nets.build("l2_constrained", BOTTOM + "l2_constraint: 0" + TOWERS).losses == []
