"""Sluice: cross-stitch of sub-spaces, and skip connections from all layers."""

import numpy as np
import pytest
import tensorflow as tf

TOWERS = """
task_towers { tower_name: "ctr" dnn { hidden_units: 7 } }
task_towers { tower_name: "cvr" }
l2_regularization: 0
"""
BOTTOM = "bottom_dnn { hidden_units: [6, 6, 6] } num_subspace: 3 orthogonality: 0.2"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("sluice", BOTTOM + TOWERS)


def test_logits_are_those_of_towers_on_mixed_layers(nets, network):
    batch = nets.rows(network)
    x, (beta,) = batch["all"], network.get_layer("layer_mix").get_weights()
    assert beta.shape == (2, 3)
    h = np.zeros((2, 3, 6))
    for index in range(3):
        own = nets.perceptron(network.get_layer(f"bottoms_{index}"), x)
        # Tasks and their sub-spaces in one row: (task 0, part 0), (task 0, part 1) …
        parts = [own[task][:, 2 * g : 2 * g + 2] for task in range(2) for g in range(3)]
        alpha = network.get_layer(f"stitch_{index}").get_weights()[0][:, :, 0]
        assert alpha.shape == (6, 6)
        mixed = [sum(alpha[i, j] * parts[j] for j in range(6)) for i in range(6)]
        x = np.stack([np.hstack(mixed[:3]), np.hstack(mixed[3:])])
        h += beta[:, index, None, None] * x
    for place, task in enumerate(("ctr", "cvr")):
        expected = nets.tower(network, task, h[place])
        np.testing.assert_allclose(network(batch)[task], expected, atol=1e-5, rtol=1e-5)


def test_penalty_is_that_of_overlapping_sub_spaces(nets, network):
    expected = 0.0
    for index in range(3):
        kernel = nets.weights(network.get_layer(f"bottoms_{index}"))["dense_0/kernel"]
        for w in kernel:
            w1, w2, w3 = w[:, :2], w[:, 2:4], w[:, 4:]
            for one, other in ((w1, w2), (w1, w3), (w2, w3)):
                expected += 0.2 * np.linalg.norm(one.T @ other) ** 2
    assert float(tf.add_n(network.losses)) == pytest.approx(expected, rel=1e-5)


def test_without_orthogonality_there_is_no_penalty(nets):
    text = "bottom_dnn { hidden_units: 4 } orthogonality: 0"
    assert nets.build("sluice", text + TOWERS).losses == []


def test_size_is_that_of_networks_mixtures_towers_and_heads(nets, network):
    networks, alphas, betas = 2 * nets.perceptron_size(5, [6, 6, 6]), 3 * 6 * 6, 2 * 3
    towers_and_heads = nets.perceptron_size(6, [7]) + (7 + 1) + (6 + 1)
    assert nets.trainable_size(network) == networks + alphas + betas + towers_and_heads


def test_mixtures_start_as_shares(nets):
    network = nets.build("sluice", BOTTOM + TOWERS)
    mix, stitch = network.get_layer("layer_mix"), network.get_layer("stitch_0")
    nets.restart(mix)
    nets.restart(stitch)
    np.testing.assert_allclose(mix.get_weights()[0], np.full((2, 3), 1 / 3), rtol=1e-6)
    alpha = stitch.get_weights()[0][:, :, 0]
    np.testing.assert_allclose(alpha, 0.02 + 0.88 * np.eye(6), rtol=1e-5)


def test_one_layer_of_one_sub_space_is_a_cross_stitch(nets):
    text = "bottom_dnn { hidden_units: 6 }" + TOWERS
    sluice, stitch = (
        nets.build("sluice", "num_subspace: 1 " + text),
        nets.build("cross_stitch", text),
    )
    assert sluice.losses == []
    sluice.get_layer("layer_mix").set_weights([np.ones((2, 1))])
    for layer in stitch.layers:
        layer.set_weights(sluice.get_layer(layer.name).get_weights())
    batch = nets.rows(sluice)
    for task, logits in stitch(batch).items():
        np.testing.assert_allclose(sluice(batch)[task], logits, rtol=1e-6)
