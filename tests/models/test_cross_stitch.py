"""Cross-stitch: a network for each task, mixed with the others' after every layer."""

import numpy as np
import pytest

TOWERS = """
task_towers { tower_name: "click" dnn { hidden_units: 7 } }
task_towers { tower_name: "cart" }
task_towers { tower_name: "buy" dnn { hidden_units: 3 use_bn: false } }
"""
TASKS = ["click", "cart", "buy"]
BOTTOM = "bottom_dnn { hidden_units: [8, 6] }"


@pytest.fixture(scope="module")
def network(nets):
    return nets.build("cross_stitch", BOTTOM + TOWERS)


def forward(nets, network, x, mix):
    """x̃_i = Σ_j α_ij · x_j after each of two layers; then the towers."""
    for index in range(2):
        own = nets.perceptron(network.get_layer(f"bottoms_{index}"), x)
        (alpha,) = network.get_layer(f"stitch_{index}").get_weights()
        x = np.stack([sum(mix(alpha, i, j) * own[j] for j in range(3)) for i in range(3)])
    return {task: nets.tower(network, task, h) for task, h in zip(TASKS, x, strict=True)}


def test_logits_are_those_of_towers_on_mixed_networks(nets, network):
    batch = nets.rows(network)
    expected = forward(nets, network, batch["all"], lambda alpha, i, j: alpha[i, j, 0])
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, expected[task], atol=1e-5, rtol=1e-5)


def test_units_may_be_mixed_one_by_one(nets):
    network = nets.build("cross_stitch", BOTTOM + "per_channel: true" + TOWERS)
    assert network.get_layer("stitch_0").get_weights()[0].shape == (3, 3, 8)
    batch = nets.rows(network)
    expected = forward(nets, network, batch["all"], lambda alpha, i, j: alpha[i, j])
    for task, logits in network(batch).items():
        np.testing.assert_allclose(logits, expected[task], atol=1e-5, rtol=1e-5)


def test_size_is_that_of_networks_stitches_towers_and_heads(nets, network):
    networks, stitches = 3 * nets.perceptron_size(5, [8, 6]), 2 * 3 * 3
    towers = nets.perceptron_size(6, [7]) + nets.perceptron_size(6, [3], use_bn=False)
    assert nets.trainable_size(network) == networks + stitches + towers + (8 + 7 + 4)


def test_a_stitch_starts_with_the_self_weight_and_even_shares(nets, network):
    stitch = network.get_layer("stitch_1")
    kept = stitch.get_weights()
    nets.restart(stitch)
    expected = [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]
    np.testing.assert_allclose(stitch.get_weights()[0][:, :, 0], expected, rtol=1e-6)
    stitch.set_weights(kept)


def test_with_self_weight_one_it_is_separate_networks(nets):
    stitched = nets.build("cross_stitch", BOTTOM + "self_weight: 1" + TOWERS)
    single = nets.build("single_task", BOTTOM + TOWERS)
    for index in range(2):
        nets.restart(stitched.get_layer(f"stitch_{index}"))
    banks = [stitched.get_layer(f"bottoms_{index}").weights for index in range(2)]
    for place, task in enumerate(TASKS):
        set_by_name(single.get_layer(f"{task}_bottom"), banks, place)
        for layer in (f"{task}_tower", f"{task}_logits"):
            if layer != "cart_tower":
                single.get_layer(layer).set_weights(stitched.get_layer(layer).get_weights())
    batch = nets.rows(stitched)
    answers = single({name: batch[name.split("_")[0]] for name in single.input})
    for task, logits in stitched(batch).items():
        np.testing.assert_allclose(logits, answers[task], rtol=1e-5, atol=1e-6)


def set_by_name(bottom, banks, place):
    """Sets a bottom's weights to those of one network of the banks, one for each layer."""
    values = {
        part.name.split("/", 1)[1].replace("_0/", f"_{index}/"): part.numpy()[place]
        for index, bank in enumerate(banks)
        for part in bank
    }
    bottom.set_weights(
        [values[weight.name.split("/", 1)[1]].reshape(weight.shape) for weight in bottom.weights]
    )
